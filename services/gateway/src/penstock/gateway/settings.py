"""What the gateway can be told."""

import dataclasses

from penstock.common.settings import ServiceSettings, setting


@dataclasses.dataclass(frozen=True)
class Settings(ServiceSettings):
    """Settings of the gateway."""

    listen: str = setting("127.0.0.1:8080", "Address to serve HTTP on, host:port; port 0 takes one")
    coordinator_address: str = setting(
        "127.0.0.1:7401", "Any coordinators, host:port, comma-separated; starts spread over them"
    )
    state_address: str = setting(
        "127.0.0.1:7402",
        "State, host:port; of several, comma-separated numbers, the first that can be reached",
    )
    nats_url: str = setting("nats://127.0.0.1:4222", "NATS server of live events", secret=True)
    grpc_listen: str = setting("127.0.0.1:0", "Address of gRPC health and reflection, host:port")
    access_log: bool = setting(False, "Log every request")

    @property
    def coordinators(self) -> list[str]:
        """The addresses of coordinators one by one."""
        return [each.strip() for each in self.coordinator_address.split(",") if each.strip()]
