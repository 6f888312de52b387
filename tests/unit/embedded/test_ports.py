import socket

from penstock.embedded.cluster import choose_ports
from penstock.embedded.cluster_file import ClusterFile, ProcessIdentity
from penstock.embedded.ports import FIRST_PORT, LAST_PORT, PortPool, is_free
from penstock.embedded.settings import ClusterSettings


def test_no_port_is_handed_out_twice():
    pool = PortPool(0)
    ports = [pool.take() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)


def test_a_preferred_port_that_is_taken_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        assert PortPool(7).take((taken,)) != taken


def test_a_preferred_port_that_is_free_is_taken_once():
    first = PortPool(99).take()
    pool = PortPool(5)
    assert pool.take((first,)) == first
    assert pool.take((first,)) != first


def test_the_ports_of_the_last_time_are_taken_again_unless_new_ones_are_insisted_on():
    first = choose_ports(ClusterSettings(), None)
    base = FIRST_PORT + (min(first.values()) - FIRST_PORT + 6000) % 11_000
    left = ClusterFile(
        ProcessIdentity(1, 0.0), ports={name: base + n for n, name in enumerate(first)}
    )
    before = {name: port for name, port in left.ports.items() if is_free(port)}
    again = choose_ports(ClusterSettings(), left)
    assert {name: again[name] for name in before} == before
    new = choose_ports(ClusterSettings(gateway_port=0, gateway_port_fixed=True), left)
    assert not set(new.values()) & set(left.ports.values())
