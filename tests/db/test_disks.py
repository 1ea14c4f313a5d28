"""H62: a database's file on a file system of the network is refused where that can be told."""

from pathlib import Path

import pytest

from db import disks
from db.engine import make_engine

LINES = """\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
30 21 0:40 / {share} rw,relatime shared:1 - {kind} server:/export rw
31 30 8:2 / {share}/disk rw - ext4 /dev/sdb1 rw
"""


@pytest.fixture
def share(tmp_path: Path) -> Path:
    found = tmp_path / "a share"
    (found / "disk").mkdir(parents=True)
    return found


def mounts(share: Path, kind: str) -> Path:
    file = share.parent / "mountinfo"
    file.write_text(LINES.format(share=str(share).replace(" ", "\\040"), kind=kind))
    return file


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_H62_the_innermost_mount_decides(share: Path, kind: str) -> None:
    listed = mounts(share, kind)
    assert disks.network_type(share / "a.db", listed) == kind
    assert disks.network_type(share / "disk" / "a.db", listed) is None
    assert disks.network_type(share.parent / "a.db", listed) is None


def test_H62_a_disk_is_a_disk_and_what_nobody_can_tell_is_allowed(share: Path) -> None:
    assert disks.network_type(share / "a.db", mounts(share, "xfs")) is None
    assert disks.network_type(share / "a.db", share / "no-such-list") is None


def test_H62_no_engine_is_made_there(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_engine(f"sqlite:///{share}/a.db").dispose()
    monkeypatch.setattr(disks.network_type, "__defaults__", (mounts(share, "nfs4"),))
    with pytest.raises(ValueError, match=r"network file system \(nfs4\)"):
        make_engine(f"sqlite:///{share}/a.db")
    assert list(share.iterdir()) == [share / "disk"]
