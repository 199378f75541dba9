"""A power cut: every process ends at one moment, and of what was written only what had been synced is
sure to be there. Of the rest chance may keep some, page by page, as a kernel does that was about to
write it."""

import os
import shutil
import signal
import subprocess

PAGE = 4096


class Power:
    """The folder `data` as kept_on_disk.c watches it. environment: what its processes have to know.
    lost: how many contents and names were not as they had last been, after the last cut."""

    def __init__(self, library, data, folder):
        self.lost = 0
        self.data, self.synced, self.now = data, folder / "synced", folder / "now"
        self.library = library
        self.environment = self._environment(self.synced)
        self._begin()

    def _environment(self, images):
        return {"LD_PRELOAD": str(self.library), "FAULT_DATA": str(self.data), "FAULT_SYNCED": str(images)}

    def _begin(self):
        """What lies on the disk now has been there for long."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._sync_all(self.synced)

    def _sync_all(self, images):
        shutil.rmtree(images, ignore_errors=True)
        images.mkdir()
        paths = [path for path in [self.data, *self.data.rglob("*")] if path.is_file() or path.is_dir()]
        subprocess.run(["sync", *paths], check=True, env={**os.environ, **self._environment(images)})

    def cut(self, service, chance=None):
        """Ends everything, and lays out what is left. Without chance that is what was synced alone."""
        service.assert_dead()
        for process in service.processes.values():
            process.signal(signal.SIGKILL)
        for process in service.processes.values():
            process.kill()
        service.processes.clear()
        self._sync_all(self.now)
        left = self.data.with_name("left")
        left.mkdir()
        self.lost = 0
        self._lay_out("root", left, chance)
        shutil.rmtree(self.data)
        left.rename(self.data)
        self._begin()

    def _lay_out(self, image, folder, chance):
        keeps_new = chance is not None and chance.random() < 0.5
        synced, now = entries(self.synced / image), entries(self.now / image)
        self.lost += len(set(now) ^ set(synced))
        for kind, inner, name in now if keeps_new else synced:
            if kind == "d":
                (folder / name).mkdir()
                self._lay_out(inner, folder / name, chance)
            else:
                (folder / name).write_bytes(self._content(inner, chance))

    def _content(self, image, chance):
        old, new = (path.read_bytes() if path.exists() else b"" for path in (self.synced / image, self.now / image))
        self.lost += old != new
        if chance is None or old == new:
            return old
        size = len(chance.choice((old, new)))
        pages = [chance.choice((old, new))[at:at + PAGE].ljust(PAGE, b"\0") for at in range(0, size, PAGE)]
        return b"".join(pages)[:size]


def entries(listing):
    """Of a folder's image: (kind, image, name). One that was never synced has none."""
    lines = listing.read_text().splitlines() if listing.exists() else ()
    return [tuple(line.split(" ", 2)) for line in lines]
