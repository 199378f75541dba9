"""A service under scripts/supervise, as it is shipped: one process here, all others below it."""

import signal
import time
from pathlib import Path

from service import ROLES, Process, Service, wait_until

SUPERVISE = Path(__file__).parents[2] / "scripts" / "supervise"
GONE_S = 60
BYE = {role: f" {role} stopped " for role in ROLES} | {"redis": "Redis is now ready to exit"}


class Supervised(Service):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options, redis_url="")   # supervise starts one

    def start(self):
        environment = {**self.environment(), "QUIRE_BIN_DIR": str(self.build / "bin"), "QUIRE_USER": ""}
        self.processes["supervise"] = Process("supervise", [SUPERVISE, self.data], self.log_path("supervise"),
                                              environment)
        return self

    def end(self):
        """SIGTERM to the supervisor alone. Returns the seconds until everything had ended."""
        supervise = self.processes.pop("supervise")
        began = time.monotonic()
        supervise.signal(signal.SIGTERM)
        wait_until(lambda: not supervise.alive(), GONE_S, "the supervisor to end", every=0.01)
        took = time.monotonic() - began
        assert supervise.take_end() == 0
        return took

    def stop(self):
        if self.processes:
            self.end()
        return {"supervise": 0}

    def goodbyes(self):
        """How often each process said at its end that it had ended in order, which a killed one can't."""
        log = "".join(path.read_text(errors="replace") for path in (self.data / "logs").glob("*") if path.is_file())
        return {name: log.count(words) for name, words in BYE.items()}

    def check_data(self, *options):
        self.settings["REDIS_URL"] = f"unix://{self.data}/.run/redis.sock"
        try:
            return super().check_data(*options)
        finally:
            del self.settings["REDIS_URL"]
