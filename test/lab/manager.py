# What systemd does for a service with sockets, without systemd: hands listening sockets over (LISTEN_FDS), hears what the service
# tells (NOTIFY_SOCKET), keeps what it stores (FDSTORE), knows the main process (MAINPID), and on SIGUSR1 ends it and starts it again.
# manager.py NOTIFY_SOCKET NAME=HOST:PORT... -- PROGRAM ARGUMENT...
import os, signal, socket, sys, time

path, rest = sys.argv[1], sys.argv[2:]
cut = rest.index('--')
wanted, argv = rest[:cut], rest[cut + 1:]
kept = []  # (name, fd)
for one in wanted:
    name, place = one.split('=', 1)
    host, port = place.rsplit(':', 1)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(1024)
    kept.append((name, listener.detach()))
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(path)
heard.settimeout(0.05)
main = None
again = False

def start():
    global main
    fds = list(kept)
    main = os.fork()
    if main != 0: return
    for i, (_, fd) in enumerate(fds): os.dup2(fd, 100 + i)
    for i in range(len(fds)): os.dup2(100 + i, 3 + i)
    os.closerange(3 + len(fds), 200)
    names = ':'.join(name for name, _ in fds)
    told = {'NOTIFY_SOCKET': path, 'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': str(len(fds)), 'LISTEN_FDNAMES': names}
    os.execve(argv[0], argv, {**os.environ, **told})

def alive(pid):
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0): pass
    except ChildProcessError: pass
    return os.path.exists(f'/proc/{pid}/exe')

def hear():
    global main
    try: text, fds, _, _ = socket.recv_fds(heard, 4096, 8)
    except socket.timeout: return
    text = text.decode()
    fields = dict(line.split('=', 1) for line in text.split('\n'))
    name = fields.get('FDNAME', 'stored')
    if 'FDSTORE' in fields:
        same = [one for one in kept for fd in fds if os.fstat(one[1]).st_ino == os.fstat(fd).st_ino]
        if same: [os.close(fd) for fd in fds]
        else: kept.extend((name, fd) for fd in fds)
    if 'FDSTOREREMOVE' in fields:
        for one in [one for one in kept if one[0] == name]:
            kept.remove(one)
            os.close(one[1])
    if 'MAINPID' in fields: main = int(fields['MAINPID'])
    print(repr(text), flush=True)

def restart(*_):
    global again
    again = True

signal.signal(signal.SIGUSR1, restart)
start()
while True:
    hear()
    if again:
        again = False
        os.kill(main, signal.SIGTERM)
        while alive(main): hear()
        print('restarting', flush=True)
        start()
    if not alive(main): sys.exit(1)
