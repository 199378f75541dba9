"""A disk that is small and can be filled: a tmpfs, for tests that may mount one."""

import os
import subprocess

MEGABYTE = 1 << 20
BALLAST = "ballast"


class NoDisk(OSError):
    """None can be mounted here."""


class SmallDisk:
    def __init__(self, path, megabytes):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise NoDisk(f"no disk can be mounted here: {done.stderr.strip()}")

    def free_bytes(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self):
        """Takes all that is free."""
        with open(self.path / BALLAST, "ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(min(MEGABYTE, max(self.free_bytes(), 4096))))
            except OSError:
                pass

    def make_room(self):
        (self.path / BALLAST).unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "--lazy", self.path], check=True)
