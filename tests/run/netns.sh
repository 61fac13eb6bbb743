# Sourced by tests that need several hosts: network namespaces on this machine, each with a name, a /dev/shm and an address
# of its own, joined by a pair of virtual cables. They need root; where they are refused the test is skipped.
# shellcheck shell=bash

# hosts_up [RATE]: two hosts, named $host_1 and $host_2, the cable limited to RATE (such as 1gbit) in each direction
hosts_up() {
    host_1=llmpi-$$-1 host_2=llmpi-$$-2
    trap 'hosts_down; rm -rf "$work"' EXIT
    if ! command -v ip >/dev/null || ! { make_hosts && on_host "$host_1" true; } 2>ip.err; then
        echo "skipped: no network namespaces here ($(tail -n 1 ip.err 2>/dev/null))"
        exit 77
    fi
    [ $# -eq 0 ] || limit_rate "$1" || fail "the cable cannot be limited to $1"
}

make_hosts() {
    ip netns add "$host_1" && ip netns add "$host_2" &&
        ip link add eth0 netns "$host_1" type veth peer name eth0 netns "$host_2" &&
        set_address "$host_1" 10.77.0.1 && set_address "$host_2" 10.77.0.2
}

set_address() {
    ip -n "$1" addr add "$2/24" dev eth0 && ip -n "$1" link set eth0 up && ip -n "$1" link set lo up
}

# The queue shapes what leaves, so both ends have one.
limit_rate() {
    local host
    for host in "$host_1" "$host_2"; do
        ip netns exec "$host" tc qdisc add dev eth0 root tbf rate "$1" burst 1mb latency 50ms || return 1
    done
}

hosts_down() {
    ip netns del "$host_1" 2>/dev/null
    ip netns del "$host_2" 2>/dev/null
}

# on_host HOST COMMAND...: as mpirun's agent calls it, with the command in one or in several words
on_host() { bash "$LLMPI_SOURCE/tests/run/netns_agent.sh" "$@"; }

# host_ranks N COMMAND...: N ranks on each of the two hosts
host_ranks() {
    local each=$1
    shift
    on_host "$host_1" env -u OMPI_MCA_oob_tcp_if_include -u OMPI_MCA_btl_tcp_if_include mpirun -q \
        --mca plm_rsh_agent "$LLMPI_SOURCE/tests/run/netns_agent.sh" --host "$host_1:$each,$host_2:$each" --bind-to none \
        -np $((2 * each)) "$@"
}
