"""Builds gpugate on the other Debian release and runs its unit and black-box tests there, with
other versions of every library.

debootstrap installs a release into build/chroot/RELEASE once; later runs build and test there
again. All mounts are in a separate namespace, so that nothing stays mounted. Exits with status 77
and a reason if no such chroot is possible.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "cluster"))

import binaries  # where Go is

NOT_TO_BE_HAD = 77
RELEASES = ("bookworm", "trixie")  # the README promises Debian 12 and later
IGNORED = shutil.ignore_patterns("build", ".git", "__pycache__", ".pytest_cache", ".hypothesis")

# Runs in the namespace. $1 is the chroot. Folders to be seen in it follow, then `--` and the
# command.
ENTER = """
root=$1; shift
mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 77
while [ "$1" != -- ]; do
	mkdir -p "$root$1" && mount --bind "$1" "$root$1" || exit 77
	shift
done
shift
exec chroot "$root" "$@"
"""


class NotToBeHad(Exception):
    pass


def run(*command):
    return subprocess.run(command, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def must(what, *command):
    """Runs a command that is needed to set up a chroot."""
    done = run(*command)
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines()
        raise NotToBeHad(f"{what}: {lines[-1] if lines else f'exit status {done.returncode}'}")
    return done.stdout


def this_release():
    text = pathlib.Path("/etc/os-release").read_text()
    return next((line.partition("=")[2].strip('"') for line in text.splitlines() if line.startswith("VERSION_CODENAME=")), "")


def mirror(here):
    """Returns the mirror that this machine gets its own packages from."""
    text = must("apt-get names no mirror", "apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Identifier: Packages")
    for line in text.splitlines():
        codename, _, site = line.partition(" ")
        if codename == here:
            return site
    raise NotToBeHad("apt-get knows no mirror of this release")


def had_debootstrap():
    if not shutil.which("debootstrap"):
        run("apt-get", "update", "-qq")
        must("debootstrap cannot be installed", "apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "-qq", "--no-install-recommends", "debootstrap")


def had_chroot(release, here):
    folder = ROOT / "build" / "chroot" / release
    complete = folder / ".complete"
    if complete.exists():
        return folder
    had_debootstrap()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"making {folder.relative_to(ROOT)}: once, about a minute", flush=True)
    must("debootstrap fails", "unshare", "--mount", "debootstrap", "--variant=minbase", "--include=ca-certificates,make", release, str(folder), mirror(here))
    complete.touch()
    return folder


def copy_in(folder):
    """Copies the sources, and the tools that are the same on every release. Keeps times, so that
    only changes are built."""
    source = folder / "src"
    source.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.name != "build":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(ROOT, source, ignore=IGNORED, dirs_exist_ok=True, symlinks=True)
    shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if promtool:
        shutil.copy2(promtool, folder / "usr" / "local" / "bin" / "promtool")


def go_settings():
    """Returns the folders of Go and of what it has compiled, by the name of their variable. Without
    Go, the tests that need it are skipped."""
    try:
        go = binaries.find_go()
    except binaries.NotToBeHad:
        return {}
    folders = {name: must(f"go env {name} fails", go, "env", name).strip() for name in ("GOROOT", "GOCACHE")}
    pathlib.Path(folders["GOCACHE"]).mkdir(parents=True, exist_ok=True)
    return folders


def inside(folder, *command):
    go = go_settings()
    path = (f"{go['GOROOT']}/bin:" if go else "") + "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    env = {"PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", **go}
    return subprocess.run(["unshare", "--mount", "sh", "-c", ENTER, "sh", str(folder), *go.values(), "--", "/usr/bin/env", "-i",
                           *(f"{name}={value}" for name, value in env.items()), *command], stdin=subprocess.DEVNULL).returncode


def main():
    here = this_release()
    release = RELEASES[here == RELEASES[0]]
    try:
        if os.geteuid() != 0:
            raise NotToBeHad("only root can make a chroot")
        must("no mount namespace is allowed", "unshare", "--mount", "true")
        folder = had_chroot(release, here)
        copy_in(folder)
        if inside(folder, "true") != 0:
            raise NotToBeHad("folders such as /proc cannot be mounted in a chroot")
    except NotToBeHad as reason:
        print(f"no chroot of {release} can be made: {reason}", file=sys.stderr)
        return NOT_TO_BE_HAD
    return inside(folder, "make", "-C", "/src", "test-basic")


if __name__ == "__main__":
    sys.exit(main())
