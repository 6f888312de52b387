import socket

from penstock.embedded.ports import FIRST_PORT, LAST_PORT, PortPool, is_free


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
