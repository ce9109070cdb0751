"""The MIG profiles of the models that gpugate knows, written independently, so that tests can
compare them."""

from fractions import Fraction

GIB = 1 << 30
_SLICES = {"1g": (1, 1), "1g wide": (1, 2), "2g": (2, 2), "3g": (3, 4), "4g": (4, 4), "7g": (7, 8)}


def _seven(*gib):
    return {f"{name.split()[0]}.{g}gb": (*_SLICES[name], g) for name, g in zip(_SLICES, gib)}


# profile: compute slices, memory slices, GiB
MODELS = {
    "a100-40gb": (40, 7, 8, _seven(5, 10, 10, 20, 20, 40)),
    "a100-80gb": (80, 7, 8, _seven(10, 20, 20, 40, 40, 80)),
    "h100-80gb": (80, 7, 8, _seven(10, 20, 20, 40, 40, 80)),
    "h100-94gb": (94, 7, 8, _seven(12, 24, 24, 47, 47, 94)),
    "h100-96gb": (96, 7, 8, _seven(12, 24, 24, 48, 48, 96)),
    "gh200-96gb": (96, 7, 8, _seven(12, 24, 24, 48, 48, 96)),
    "h20-96gb": (96, 7, 8, _seven(12, 24, 24, 48, 48, 96)),
    "h200-141gb": (141, 7, 8, _seven(18, 35, 35, 71, 71, 141)),
    "gh200-144gb": (144, 7, 8, _seven(18, 36, 36, 72, 72, 144)),
    "b200-180gb": (180, 7, 8, _seven(23, 45, 45, 90, 90, 180)),
    "gb200-186gb": (186, 7, 8, _seven(23, 47, 47, 93, 93, 186)),
    "gb200-189gb": (189, 7, 8, _seven(24, 47, 47, 95, 95, 189)),
    "b300-269gb": (269, 7, 8, _seven(34, 67, 67, 135, 135, 269)),
    "gb300-278gb": (278, 7, 8, _seven(35, 70, 70, 139, 139, 278)),
    "a30-24gb": (24, 4, 4, {"1g.6gb": (1, 1, 6), "2g.12gb": (2, 2, 12), "4g.24gb": (4, 4, 24)}),
    "rtx-pro-6000-96gb": (96, 4, 4, {"1g.24gb": (1, 1, 24), "2g.48gb": (2, 2, 48), "4g.96gb": (4, 4, 96)}),
    "rtx-pro-5000-48gb": (48, 2, 2, {"1g.24gb": (1, 1, 24), "2g.48gb": (2, 2, 48)}),
    "rtx-pro-4500-32gb": (32, 2, 2, {"1g.16gb": (1, 1, 16), "2g.32gb": (2, 2, 32)}),
}


def resource(profile):
    return "nvidia.com/mig-" + profile.replace("+", ".")


def weight(model, profile):
    """Returns the GPU equivalents of a slice."""
    _, compute, memory, profiles = MODELS[model]
    c, m, _ = profiles[profile]
    return max(Fraction(c, compute), Fraction(m, memory))


def choose(model, need_bytes, offered=None):
    """Returns the profile for that much memory, or None."""
    profiles = MODELS[model][3]
    fitting = [(p[2], p[0], name) for name, p in profiles.items()
               if (offered is None or name in offered) and p[2] * GIB >= need_bytes]
    return min(fitting)[2] if fitting else None


def largest(model, offered=None):
    return max((p[2], name) for name, p in MODELS[model][3].items() if offered is None or name in offered)[0]
