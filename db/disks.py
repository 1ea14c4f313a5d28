"""What the disk under a file is: SQLite's locks do not hold on a file system of the network (H62)."""

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
OF_THE_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "beegfs")
)
OF_THE_NETWORK |= {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.davfs"}


def network_type(file: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the network's file system that holds a file; None on a disk, or where nobody can tell."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    place = file.resolve()
    over = [(point, kind) for point, kind in map(_mount, lines) if place.is_relative_to(point)]
    kind = max(over, key=lambda mount: len(mount[0].parts), default=(Path(), ""))[1]
    return kind if kind in OF_THE_NETWORK else None


def _mount(line: str) -> tuple[Path, str]:
    """Where one line's file system is mounted, and its type, which follows a lone dash."""
    before, _, after = line.partition(" - ")
    point = before.split(" ")[4]
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, character)
    return Path(point), after.split(" ")[0]
