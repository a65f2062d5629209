//! The settings, one in a line: its path below `/proc/sys/net`, the least and the most that its numbers may be (`-` for the largest number), and what they are at first.
//!
//! A line that the crate has a name for has the effect that it has on Linux. One with limits and without a name only guides Linux (how long its queues are, how often it says something): it is
//! kept for who reads it again, since programs' settings would fail otherwise, and changes nothing (`docs/running.md` lists them).
//! With `=` instead of limits it can only be what it is, because there is nothing that another value would change (or nobody who does what it would ask for); with `!` it cannot be written at all.
//! A star in the path stands for all interfaces, for those to come, and for each that there is; then the numbers are those of `all`, of `default` and of `lo`, of which the last is repeated.
//! A number that depends on the memory, or that is larger than all others until somebody sets it, is 0 until then. Lines with the same beginning stand together.

pub(crate) static TEXT: &[u8] = b"\
core/default_qdisc = pfifo_fast
core/netdev_budget 0 - 300
core/netdev_max_backlog 0 - 1000
core/optmem_max 0 - 131072
core/rmem_default 2304 - 212992
core/rmem_max 2304 - 4194304
core/somaxconn 0 - 4096
core/tstamp_allow_data 0 1 1
core/wmem_default 4608 - 212992
core/wmem_max 4608 - 4194304
ipv4/conf/*/accept_local = 0
ipv4/conf/*/accept_redirects 0 - 1
ipv4/conf/*/accept_source_route = 0
ipv4/conf/*/arp_announce = 0
ipv4/conf/*/arp_filter = 0
ipv4/conf/*/arp_ignore = 0
ipv4/conf/*/arp_notify = 0
ipv4/conf/*/forwarding = 0
ipv4/conf/*/log_martians = 0
ipv4/conf/*/mc_forwarding ! 0
ipv4/conf/*/proxy_arp = 0
ipv4/conf/*/route_localnet = 0
ipv4/conf/*/rp_filter = 0
ipv4/conf/*/secure_redirects 0 - 1
ipv4/conf/*/send_redirects 0 - 1
ipv4/conf/*/shared_media 0 - 1
ipv4/icmp_echo_ignore_all 0 1 0
ipv4/icmp_echo_ignore_broadcasts 0 1 1
ipv4/icmp_ignore_bogus_error_responses 0 1 1
ipv4/icmp_msgs_burst 0 - 50
ipv4/icmp_msgs_per_sec 0 - 1000
ipv4/icmp_ratelimit 0 - 1000
ipv4/icmp_ratemask 0 - 6168
ipv4/ip_default_ttl 1 255 64
ipv4/ip_forward = 0
ipv4/ip_local_port_range 1 65535 32768 60999
ipv4/ip_local_reserved_ports
ipv4/ip_no_pmtu_disc = 0
ipv4/ip_nonlocal_bind 0 255 0
ipv4/ip_unprivileged_port_start 0 65535 1024
ipv4/neigh/default/gc_thresh1 = 128
ipv4/neigh/default/gc_thresh2 = 512
ipv4/neigh/default/gc_thresh3 = 1024
ipv4/ping_group_range 0 - 0 2147483647
ipv4/tcp_abort_on_overflow 0 255 0
ipv4/tcp_allowed_congestion_control 1 3 3
ipv4/tcp_available_congestion_control ! reno cubic
ipv4/tcp_congestion_control 0 1 1
ipv4/tcp_dsack 0 255 1
ipv4/tcp_ecn 0 2 2
ipv4/tcp_fastopen = 0
ipv4/tcp_fin_timeout 1 2147483 60
ipv4/tcp_keepalive_intvl 1 2147483 75
ipv4/tcp_keepalive_probes 0 255 9
ipv4/tcp_keepalive_time 1 2147483 7200
ipv4/tcp_max_orphans 0 - 0
ipv4/tcp_max_syn_backlog 0 - 1024
ipv4/tcp_max_tw_buckets 0 - 0
ipv4/tcp_mem 0 - 0 0 0
ipv4/tcp_moderate_rcvbuf 0 255 1
ipv4/tcp_mtu_probing = 0
ipv4/tcp_no_metrics_save 0 255 0
ipv4/tcp_notsent_lowat 0 - 0
ipv4/tcp_orphan_retries 0 255 0
ipv4/tcp_recovery = 1
ipv4/tcp_retries1 0 255 3
ipv4/tcp_retries2 0 255 15
ipv4/tcp_rfc1337 0 255 0
ipv4/tcp_rmem 1 - 4096 131072 8388608
ipv4/tcp_sack 0 255 1
ipv4/tcp_slow_start_after_idle 0 255 1
ipv4/tcp_syn_retries 1 127 6
ipv4/tcp_synack_retries 0 255 5
ipv4/tcp_syncookies 0 255 1
ipv4/tcp_timestamps 0 255 1
ipv4/tcp_tw_reuse 0 2 2
ipv4/tcp_window_scaling 0 255 1
ipv4/tcp_wmem 1 - 4096 16384 4194304
ipv4/udp_mem 0 - 0 0 0
ipv4/udp_rmem_min 1 - 4096
ipv4/udp_wmem_min 1 - 4096
ipv6/bindv6only 0 1 0
ipv6/conf/*/accept_dad = 1
ipv6/conf/*/accept_ra 0 2 1
ipv6/conf/*/accept_ra_defrtr 0 1 1
ipv6/conf/*/accept_ra_mtu 0 1 1
ipv6/conf/*/accept_ra_pinfo 0 1 1
ipv6/conf/*/accept_redirects 0 1 1
ipv6/conf/*/accept_source_route = 0
ipv6/conf/*/autoconf 0 1 1
ipv6/conf/*/dad_transmits = 1
ipv6/conf/*/disable_ipv6 0 1 0
ipv6/conf/*/forwarding = 0
ipv6/conf/*/hop_limit 1 255 64
ipv6/conf/*/mc_forwarding ! 0
ipv6/conf/*/proxy_ndp = 0
ipv6/conf/*/use_tempaddr = 0
ipv6/icmp/echo_ignore_all 0 1 0
ipv6/icmp/echo_ignore_multicast 0 1 0
ipv6/icmp/ratelimit 0 - 1000
ipv6/ip_nonlocal_bind 0 255 0
unix/max_dgram_qlen 0 - 10
";
