// Every keyword of keepalived's configuration that this importer knows (keepalived.conf(5) of 2.2): the key it becomes, or why it
// becomes none.

import { each, gone, idle, type Rules, to } from '../rules.js'

const MAIL = 'no mail is sent: alerts come from Prometheus (config/prometheus-alerts.yml)'
const NOTIFY =
  'a hook of mekare run tells a program that an address has moved (hooks.<name>.on: [address], command); the log, mekare_vrrp_state and /events tell of the rest'
const PROCESS = 'belongs to the unit (systemd: Nice=, CPUSchedulingPolicy=, …)'
const FIREWALL = 'mekare needs no firewall rules'
const FILES = 'of keepalived itself'
const LVS = 'of LVS; mekare forwards the connections itself'
const ROUTES = 'routes and rules belong to the host: set them in its network configuration'
const ACCEPTS = 'what comes to a floating address is always accepted'
const PACED = 'announcements are not spread: see garp.repeat'
const LOWER = 'an advert of lower priority is answered at once'

/** Blocks outside of any other. */
export const TOP: Rules = {
  global_defs: idle('its lines are spoken of one by one'),
  vrrp_instance: to('vrrp'),
  vrrp_script: to('vrrp.<name>.track', 'no vrrp_instance asks it'),
  vrrp_track_process: to('vrrp.<name>.track.proxy', 'no vrrp_instance asks it'),
  vrrp_sync_group: to('vrrp.<name>.syncGroup'),
  ...each('track_process', to('vrrp.<name>.track.proxy', 'no vrrp_instance asks it')),
  ...each('vrrp_track_file | track_file', gone('files are not watched: a script (track.scripts) can look into one')),
  ...each('static_ipaddress | static_routes | static_rules | track_group', gone(ROUTES)),
  ...each('virtual_server | virtual_server_group | real_server | SSL | ssl', gone(LVS)),
  bfd_instance: gone('BFD is not spoken'),
  garp_group: gone(PACED),
  ...each(
    'linkbeat_interfaces | interface_up_down_delays | linkbeat_use_polling',
    gone('interfaces are watched through netlink, without delay'),
  ),
  ...each(
    'net_namespace | net_namespace_ipvs | namespace_with_ipsets | instance',
    gone('start mekare vrrp in that network namespace'),
  ),
  ...each('use_pid_dir | child_wait_time | config_id', idle(FILES)),
}

export const GLOBAL: Rules = {
  ...each('vrrp_version', to('vrrp.<name>.version', 'every vrrp_instance names its own')),
  ...each(
    'vrrp_garp_master_delay | vrrp_garp_master_repeat | vrrp_garp_master_refresh | vrrp_min_garp',
    to('vrrp.<name>.garp', 'every vrrp_instance names its own'),
  ),
  router_id: idle('fleet.name is the name of this proxy; by default the host name'),
  ...each(
    'notification_email | notification_email_from | smtp_server | smtp_helo_name | smtp_connect_timeout | smtp_alert | smtp_alert_vrrp | smtp_alert_checker | no_email_faults | checker_log_all_failures',
    gone(MAIL),
  ),
  script_user: gone('scripts run as the user of mekare vrrp'),
  enable_script_security: idle('no shell reads a command unless it is one'),
  ...each(
    'startup_script | startup_script_timeout | shutdown_script | shutdown_script_timeout',
    gone('write it into the unit: ExecStartPre=, ExecStopPost='),
  ),
  ...each(
    'vrrp_mcast_group4 | vrrp_mcast_group6',
    gone('adverts go to 224.0.0.18 and ff02::12, or to peers: give peers for another way'),
  ),
  vrrp_strict: idle(ACCEPTS),
  ...each('vrrp_skip_check_adv_addr | vrrp_check_unicast_src', idle('every advert is checked whole')),
  ...each('vrrp_garp_interval | vrrp_gna_interval | vrrp_garp_extra_if', gone(PACED)),
  ...each(
    'vrrp_garp_master_refresh_repeat | vrrp_garp_lower_prio_delay | vrrp_garp_lower_prio_repeat',
    idle('garp.repeat holds for every round'),
  ),
  ...each('vrrp_lower_prio_no_advert | vrrp_higher_prio_send_advert', idle(LOWER)),
  vrrp_down_timer_adverts: gone('an address is taken after three adverts that did not come'),
  ...each(
    'vrrp_notify_fifo | vrrp_notify_fifo_script | notify_fifo | notify_fifo_script | vrrp_notify_priority_changes | lvs_notify_fifo | lvs_notify_fifo_script',
    gone(NOTIFY),
  ),
  ...each(
    'nftables | nftables_priority | nftables_counters | nftables_ifindex | vrrp_iptables | vrrp_ipsets | nftables_ipvs | nftables_ipvs_priority | nftables_ipvs_start_fwmark',
    idle(FIREWALL),
  ),
  ...each(
    'vrrp_priority | checker_priority | bfd_priority | vrrp_no_swap | checker_no_swap | bfd_no_swap | vrrp_rt_priority | checker_rt_priority | bfd_rt_priority | vrrp_cpu_affinity | checker_cpu_affinity | bfd_cpu_affinity | vrrp_rlimit_rttime | vrrp_rlimit_rtime | checker_rlimit_rttime | checker_rlimit_rtime | bfd_rlimit_rttime | bfd_rlimit_rtime | max_auto_priority | min_auto_priority_delay | umask',
    idle(PROCESS),
  ),
  ...each(
    'process_names | process_name | vrrp_process_name | checker_process_name | bfd_process_name | use_pid_dir | tmp_config_directory | config_save_dir | reload_file | reload_time_file | reload_repeat | data_use_instance | json_version | snmp_socket | enable_traps | enable_dbus | dbus_service_name | dbus_no_interface_name | random_seed | include_check | fifo_write_vrrp_states_on_reload | shutdown_script_timeout',
    idle(FILES),
  ),
  ...each(
    'enable_snmp_vrrp | enable_snmp_checker | enable_snmp_rfc | enable_snmp_rfcv2 | enable_snmp_rfcv3 | enable_snmp_keepalived',
    gone('no SNMP: Prometheus reads /metrics'),
  ),
  ...each(
    'lvs_sync_daemon | lvs_timeouts | lvs_flush | lvs_flush_on_stop | lvs_flush_onstop | lvs_netlink_cmd_rcv_bufs | lvs_netlink_cmd_rcv_bufs_force | lvs_netlink_monitor_rcv_bufs | lvs_netlink_monitor_rcv_bufs_force',
    gone(LVS),
  ),
  ...each('default_interface', gone('every virtual router names its interface')),
  ...each(
    'vrrp_netlink_cmd_rcv_bufs | vrrp_netlink_cmd_rcv_bufs_force | vrrp_netlink_monitor_rcv_bufs | vrrp_netlink_monitor_rcv_bufs_force | process_monitor_rcv_bufs | process_monitor_rcv_bufs_force | vrrp_rx_bufs_policy | vrrp_rx_bufs_multiplier | rs_init_notifies | no_checker_emails | disable_local_igmp | vrrp_startup_delay | vrrp_owner_ignore_adverts | dynamic_interfaces | allow_if_changes',
    idle(FILES),
  ),
}

export const INSTANCE: Rules = {
  ...each(
    'interface | virtual_router_id | priority | version | advert_int | nopreempt | preempt_delay | authentication | auth_pass | virtual_ipaddress | unicast_peer',
    to('vrrp.<name>'),
  ),
  ...each('garp_master_delay | garp_master_repeat | garp_master_refresh', to('vrrp.<name>.garp')),
  ...each('track_script | track_process | track_interface', to('vrrp.<name>.track')),
  auth_type: to('vrrp.<name>.auth.type', 'version 3 has no authentication; keepalived ignores it there too'),
  state: idle('the priority decides who is master'),
  preempt: idle('preempt is true by default'),
  ...each('virtual_routes | virtual_rules', gone(ROUTES)),
  use_vmac: to('vrrp.<name>.virtualMac', 'priority 255 has its addresses on the interface itself'),
  vmac_xmit_base: gone(
    'with virtualMac multicast adverts come from the virtual MAC address; beside keepalived that is well',
  ),
  ...each(
    'use_vmac_addr | use_ipvlan',
    gone('addresses have the MAC of the interface; clients learn it anew by gratuitous ARP'),
  ),
  ...each(
    'unicast_src_ip | mcast_src_ip',
    gone('adverts go from the first address of the interface; the peers must expect that one'),
  ),
  mcast_dst_ip: gone('adverts go to 224.0.0.18 and ff02::12, or to peers'),
  ...each(
    'unicast_ttl | check_unicast_src | unicast_fault_no_peer | old_unicast_checksum',
    idle('adverts have TTL 255; both forms of the checksum are understood'),
  ),
  ...each('track_src_ip | dont_track_primary', gone('the interface must be up and connected, always')),
  ...each('track_file | track_bfd', gone('has no counterpart: a script (track.scripts) can look')),
  ...each(
    'notify | notify_master | notify_backup | notify_fault | notify_stop | notify_deleted | notify_master_rx_lower_pri | notify_priority_changes',
    gone(NOTIFY),
  ),
  smtp_alert: gone(MAIL),
  ...each(
    'garp_master_refresh_repeat | garp_lower_prio_delay | garp_lower_prio_repeat',
    idle('garp.repeat holds for every round'),
  ),
  garp_extra_if: gone(PACED),
  ...each('lower_prio_no_advert | higher_prio_send_advert', idle(LOWER)),
  down_timer_adverts: gone('an address is taken after three adverts that did not come'),
  ...each('accept | strict_mode', idle(ACCEPTS)),
  no_accept: gone(ACCEPTS),
  skip_check_adv_addr: idle('every advert is checked whole'),
  ...each('native_ipv6 | debug | linkbeat_use_polling | promote_secondaries | vrf', idle('as the addresses have it')),
  lvs_sync_daemon_interface: gone(LVS),
  kernel_rx_buf_size: idle(FILES),
}

export const SYNC_GROUP: Rules = {
  group: to('vrrp.<name>.syncGroup'),
  ...each('track_script | track_process | track_interface', to('vrrp.<name>.track')),
  ...each('global_tracking | sync_group_tracking_weight', idle('each member tracks by itself; the group moves as one')),
  ...each('track_file | track_bfd', gone('has no counterpart: a script (track.scripts) can look')),
  ...each(
    'notify | notify_master | notify_backup | notify_fault | notify_stop | notify_deleted | notify_priority_changes',
    gone(NOTIFY),
  ),
  smtp_alert: gone(MAIL),
}

export const SCRIPT: Rules = {
  ...each('script | interval | timeout | rise | fall | weight', to('vrrp.<name>.track.scripts')),
  user: gone('scripts run as the user of mekare vrrp'),
  init_fail: idle('until its first run a script counts as it is found'),
}
