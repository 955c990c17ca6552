# Boots systemd in namespaces of its own, on an overlay of this machine's root: what happens there is gone with it.
#   boot.sh DIRECTORY SHARED     DIRECTORY is empty; SHARED is seen there at /mnt
# To be started in a mount namespace of its own (unshare -m), with the network it is to have. Only a Linux root with CAP_SYS_ADMIN can
# do it.
set -e
directory=$1 shared=$2

outside() {
  mount -t tmpfs tmpfs "$directory"
  mkdir "$directory/cgroup" "$directory/upper" "$directory/work" "$directory/root"
  mount -t cgroup2 cgroup2 "$directory/cgroup"
  own=$directory/cgroup/mekare-$$
  mkdir "$own"
  # In its cgroup before the namespace is made, whose root that is then.
  sh -c 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"' - "$own" \
    unshare -m -p -C -u -i -f --kill-child sh "$0" "$directory" "$shared" inside || true
  for group in "$directory"/cgroup/mekare-*; do give_back "$group"; done
}

# Its own, once the last process has gone; and those of boots that were killed.
give_back() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    grep -q 'populated 0' "$1/cgroup.events" && break
    [ "$1" = "$own" ] || return 0
    sleep 0.1
  done
  find "$1" -depth -type d -exec rmdir {} \;
}

inside() {
  mount -t overlay overlay -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" "$directory/root"
  cd "$directory/root"
  mount -t proc proc proc
  mount --bind proc/sys proc/sys
  mount -o remount,bind,ro proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs run
  mkdir run/lock
  devices
  mount --bind "$shared" mnt
  nothing_of_this_machine
  # Wherever Node.js comes from here, it lies there where Debian has it.
  [ -x usr/bin/node ] || cp "$(readlink -f "$(command -v node)")" usr/bin/node
  mkdir old
  pivot_root . old
  umount -l /old
  exec env -i container=mekare PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target --show-status=0 --log-target=journal
}

devices() {
  mount -t tmpfs -o mode=755 tmpfs dev
  for node in null zero full random urandom tty; do
    : > "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
  done
  mkdir dev/shm dev/pts
  mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
}

# No service, mount or policy of this machine; only the journal.
nothing_of_this_machine() {
  rm -rf etc/systemd/system etc/fstab etc/machine-id usr/sbin/policy-rc.d usr/lib/systemd/system-generators
  rm -rf usr/lib/systemd/system/*.wants usr/lib/systemd/system/systemd-journald-audit.socket
  mkdir -p etc/systemd/system usr/lib/systemd/system/sysinit.target.wants
  ln -s ../systemd-journald.service usr/lib/systemd/system/sysinit.target.wants/
  echo 0123456789abcdef0123456789abcdef > etc/machine-id
}

if [ "$3" = inside ]; then inside; else outside; fi
