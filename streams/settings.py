"""All settings: the only place that reads the environment.

Order of precedence: ``FOREWARN_*`` environment variables, then the TOML file named by ``FOREWARN_CONFIG`` (default
``forewarn.toml`` in the working directory), then the defaults below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from connectors.kafka.connection import Connection, Mechanism, Security
from connectors.tls import SYSTEM, Certificates, client_context

CONFIG_VARIABLE = "FOREWARN_CONFIG"
_CERTIFICATE_FILES = (
    "kafka_ca", "kafka_client_cert", "kafka_client_key",
    "clickhouse_ca", "clickhouse_client_cert", "clickhouse_client_key",
)  # fmt: skip
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Every setting of every process."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_", extra="forbid", frozen=True)

    data_dir: Path = Field(Path(".forewarn"), description="Where everything that must survive a restart is kept.")
    app: str = Field(
        "forewarn", pattern=r"^[a-z][a-z0-9-]{0,40}$", description="Consumer group and transactional-id prefix."
    )
    zone: str = Field("Asia/Shanghai", description="Zone in which days and months are calendar ones.")
    stack_time: Literal["live", "simulated"] = Field(
        "live", description="Whether record times are the broker's clock, or the producer's (a simulated stack)."
    )
    partitions: int = Field(16, ge=1, le=4096, description="Partition groups; chosen when the topics are created.")
    retention_days: float = Field(14.0, gt=0, description="How long the signal topics keep records (live stack).")

    kafka_bootstrap: str = Field("", description="host:port[,…] of a Kafka; empty: the embedded one.")
    kafka_port: Port = Field(19092, description="Port of the embedded Kafka; its controller takes the next one.")
    kafka_security: Security = Field(
        "plaintext", description="Whether Kafka is reached by TLS (ssl, sasl_ssl) and with a password (sasl_…)."
    )
    kafka_ca: Path | None = Field(
        None, description="PEM file of the certificates that Kafka's is checked against; empty: the system's."
    )
    kafka_client_cert: Path | None = Field(None, description="PEM file of our certificate, where Kafka asks for one.")
    kafka_client_key: Path | None = Field(
        None, description="PEM file of its key; empty: it is in the certificate's file."
    )
    kafka_sasl_mechanism: Mechanism = Field("SCRAM-SHA-512", description="How the password is proven to Kafka.")
    kafka_username: str = Field("", description="User of Kafka.")
    kafka_password: SecretStr = Field(SecretStr(""), description="Password of that user.")
    kafka_heap: str = Field("384m", pattern=r"^\d+[mg]$", description="Java heap of the embedded Kafka.")

    clickhouse_url: str = Field("", description="http(s)://host:port of a ClickHouse; empty: the embedded one.")
    clickhouse_user: str = Field("default", description="User of ClickHouse.")
    clickhouse_password: SecretStr = Field(
        SecretStr(""), description="Password of ClickHouse; the embedded one makes its own."
    )
    clickhouse_ca: Path | None = Field(
        None, description="PEM file of the certificates that ClickHouse's is checked against; empty: the system's."
    )
    clickhouse_client_cert: Path | None = Field(
        None, description="PEM file of our certificate, where ClickHouse asks for one beside the password."
    )
    clickhouse_client_key: Path | None = Field(
        None, description="PEM file of its key; empty: it is in the certificate's file."
    )
    clickhouse_database: str = Field("forewarn", pattern=r"^[a-z_][a-z0-9_]*$", description="Database of our tables.")
    clickhouse_port: Port = Field(18123, description="Port of the embedded ClickHouse.")
    ttl_signals_days: int = Field(3650, ge=0, description="Signals older than this are dropped; 0: never.")
    ttl_derived_days: int = Field(3650, ge=0, description="Findings, risk and metrics older than this are dropped.")
    ttl_dead_letters_days: int = Field(365, ge=0, description="Dead letters older than this are dropped.")

    control_url: SecretStr = Field(
        SecretStr(""), description="SQLAlchemy URL of the control store; empty: SQLite in the data directory."
    )

    http_host: str = Field("127.0.0.1", description="Address that the API and board listen on.")
    http_port: Port = Field(8080, description="Port of the API and board.")

    checkpoint_ms: int = Field(
        500, ge=20, le=60_000, description="Longest time between two checkpoints; four times that in a backlog."
    )
    dead_letter_limit: int = Field(
        10_000, ge=1, description="Dead letters of one partition group within a minute that stop the scorer."
    )
    recorder_batch: int = Field(
        100_000, ge=100, description="About so many rows go into one insert, where so many are waiting."
    )
    recorder_wait_ms: int = Field(
        1_000, ge=10, description="How long rows are gathered for one insert; large inserts cost ClickHouse less."
    )
    recorder_workers: int = Field(2, ge=1, le=64, description="Inserts of signals at a time of one recorder.")

    webhook_timeout_s: float = Field(10.0, gt=0, le=120, description="Longest time that one webhook call may take.")
    webhook_attempts: int = Field(
        60, ge=1, le=100, description="Attempts before a delivery has failed; 60 cover about two days."
    )
    webhook_allow_private: bool = Field(
        False, description="Whether webhooks may go to loopback and private addresses. For demos and tests."
    )

    grafana_token: SecretStr = Field(
        SecretStr(""), description="Service-account token that `forewarn grafana provision` uses."
    )
    grafana_clickhouse_password: SecretStr = Field(
        SecretStr(""), description="Password of the read-only ClickHouse user that Grafana's data source gets."
    )

    metrics_host: str = Field(
        "127.0.0.1", description="Address on which each process answers /metrics, /healthz and /readyz."
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65435,
        description="First of the ports for that: the supervisor's, then recorder +1, notifier +2, scorer N +10+N; "
        "0: free ones, see `forewarn status`.",
    )
    deadman_url: SecretStr = Field(
        SecretStr(""), description="URL that `forewarn up` calls while all is ready; empty: none."
    )
    deadman_interval_s: float = Field(60.0, ge=1, le=3600, description="Seconds between two of these calls.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written.")
    detection_config: Path | None = Field(None, description="TOML file that overrides constants of the detection.")
    sentiment_model: Path | None = Field(
        None, description="Model of headlines that `forewarn train sentiment` made; empty: the lexicon alone."
    )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            message = f"no such time zone: {zone}"
            raise ValueError(message) from error
        return zone

    @field_validator("sentiment_model", *_CERTIFICATE_FILES, mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("data_dir", "sentiment_model", *_CERTIFICATE_FILES)
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kafka_security != "plaintext" and not self.kafka_bootstrap:
            message = (
                f"FOREWARN_KAFKA_SECURITY={self.kafka_security} needs FOREWARN_KAFKA_BOOTSTRAP: "
                "the embedded Kafka listens on this machine only, without TLS"
            )
            raise ValueError(message)
        _ = self.kafka_connection().tls  # the files must be of use
        if self.clickhouse_certificates != SYSTEM:
            if not self.clickhouse_url.startswith("https://"):
                message = (
                    "FOREWARN_CLICKHOUSE_CA, FOREWARN_CLICKHOUSE_CLIENT_CERT and FOREWARN_CLICKHOUSE_CLIENT_KEY are of "
                    "use with TLS only: set FOREWARN_CLICKHOUSE_URL=https://…, or remove them"
                )
                raise ValueError(message)
            client_context(self.clickhouse_certificates, "CLICKHOUSE")
        return self

    @property
    def clickhouse_certificates(self) -> Certificates:
        """Whom to trust to be ClickHouse, and who we are."""
        return Certificates(self.clickhouse_ca, self.clickhouse_client_cert, self.clickhouse_client_key)

    def kafka_connection(self) -> Connection:
        """Return how to reach the Kafka named here, else the embedded one."""
        return Connection(
            self.kafka_bootstrap or f"127.0.0.1:{self.kafka_port}",
            self.kafka_security,
            Certificates(self.kafka_ca, self.kafka_client_cert, self.kafka_client_key),
            self.kafka_sasl_mechanism,
            self.kafka_username,
            self.kafka_password.get_secret_value(),
        )

    @property
    def simulated(self) -> bool:
        """Whether the stack clock comes from the records."""
        return self.stack_time == "simulated"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file behind the environment."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())


def config_file() -> Path:
    """Return the path of the TOML file; there need not be one."""
    return Path(os.environ.get(CONFIG_VARIABLE, "forewarn.toml"))


def environment() -> frozenset[str]:
    """Return the names of all ``FOREWARN_*`` variables that are set, in capitals, whether we know them or not."""
    return frozenset(name.upper() for name in os.environ if name.upper().startswith("FOREWARN_"))
