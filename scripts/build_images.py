"""Makes what each image is built from, and builds it.

    python scripts/build_images.py --builder "docker build -t" --tag 0.1.0 hub notebook

The builder is a command that is given the image's name and the folder of its Dockerfile, as ``docker build -t``,
``podman build -t`` and ``buildah build -t`` are. It may print the name that nodes pull the image by; that is printed on.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from email import message_from_string
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
CONTEXTS = ROOT / "build" / "images"
EXTENSION = "jupyter_primehub_ext"
PROXY = ROOT / "primehub_services" / "proxy"


def requirements(wheel: Path, extra: str = "") -> list[str]:
    """What the wheel needs, with one of its extras."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = message_from_string(archive.read(name).decode())
    found = [Requirement(text) for text in told.get_all("Requires-Dist") or ()]
    # the image is Linux, whatever builds it
    machine = {"extra": extra, "sys_platform": "linux"}
    needed = [r for r in found if r.marker is None or r.marker.evaluate(machine)]
    return [f"{r.name}[{','.join(sorted(r.extras))}]{r.specifier}".replace("[]", "") for r in needed]


def hub_context(folder: Path, wheel: Path) -> None:
    """The wheel, what it needs, and the proxy's manifests and what is loaded into it."""
    (folder / "requirements.txt").write_text("\n".join(requirements(wheel, "kubernetes")) + "\n")
    shutil.copy(wheel, folder)
    (folder / "proxy").mkdir()
    for file in ("package.json", "package-lock.json", "renewed_certificate.cjs"):
        shutil.copy(PROXY / file, folder / "proxy")


def notebook_context(folder: Path, wheel: Path) -> None:
    """Of the wheel the extension alone: its package, and the files that Jupyter looks for below its prefix."""
    sys.path.insert(0, str(ROOT))
    from hub_config.settings import LocalSettings

    (folder / "requirements.txt").write_text("\n".join(LocalSettings().base_packages) + "\n")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            top, *rest = PurePosixPath(name).parts
            if top == EXTENSION:
                to = folder / "package" / name
            elif top.endswith(".data") and rest[0] == "data":
                to = folder.joinpath("data", *rest[1:])
            else:
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(archive.read(name))


def sidecar_context(folder: Path, wheel: Path) -> None:
    """Of the wheel what runs beside workloads, and the modules that it shares with what runs on one machine."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith("primehub_services/sidecar/") or name in BESIDE_WORKLOADS:
                archive.extract(name, folder)


BESIDE_WORKLOADS = frozenset(
    f"primehub_services/{name}"
    for name in ("__init__.py", "sandbox/__init__.py", "sandbox/masking.py", "sandbox/scratch.py")
)
MORE: dict[str, Callable[[Path, Path], None]] = {
    "hub": hub_context,
    "notebook": notebook_context,
    "sidecar": sidecar_context,
}
"""What a context holds beside the image's own folder."""


def context(image: Path, wheel: Path) -> Path:
    """A folder with the image's own files and what is made for it."""
    folder = CONTEXTS / image.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(image, folder)
    if image.parent == IMAGES and image.name in MORE:
        MORE[image.name](folder, wheel)
    return folder


def newest_wheel() -> Path:
    """What ``make build`` made last."""
    wheels = sorted((ROOT / "dist").glob("primehub-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise SystemExit("There is no wheel in dist/: run make build first.")
    return wheels[-1]


def main() -> None:
    """Build the images that are asked for, all of them unless said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builder", default="docker build -t", help="a command; default: %(default)s")
    parser.add_argument("--registry", default="", help="what the images' names begin with: registry.example.org:5000")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="of the images' own folders; default: %(default)s")
    parser.add_argument("--prefix", default="primehub", help="before each one's own; default: %(default)s")
    parser.add_argument("--tag", default="latest")
    parser.add_argument("images", nargs="*", metavar="image", help="all that are there, unless said")
    arguments, flags = parser.parse_known_args()
    there = sorted(path.parent.name for path in arguments.folder.glob("*/Dockerfile"))
    for image in arguments.images or there:
        if image not in there:
            parser.error(f"there is no image {image}; choose from {', '.join(there)}")
        name = "/".join(filter(None, (arguments.registry, f"{arguments.prefix}/{image}:{arguments.tag}")))
        folder = context((arguments.folder / image).resolve(), newest_wheel())
        subprocess.run([*shlex.split(arguments.builder), name, str(folder), *flags], check=True)
        print(f"Built {name}", flush=True)


if __name__ == "__main__":
    main()
