"""Ways to reach devices that no quota counts: with every Guard they are refused in any spelling,
and the remaining ones are known."""

import copy
import itertools
import posixpath

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gpugate import applied, run, scaled, write_policy
from kube import GPU, SHARED, container, doc, persisted, pod

MIG1 = "nvidia.com/mig-1g.10gb"
KINDS = ["visibleDevicesEnv", "hostDeviceMounts", "deviceVolumeMounts", "mixedMigInContainer", "sharedRequestAboveOne", "preboundNodeName", "privileged",
         "ephemeralContainers", "resourceClaims", "deviceAnnotations", "fractionAnnotations", "severalSlicesInContainer"]
TENANT = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": "unlimited"}])
FLEET = [doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb", "3g.40gb"]}, sharing={"resource": SHARED, "replicas": 4}),
         TENANT]


def host(path):
    return pod(volumes=[{"name": "v", "hostPath": {"path": path, "type": ""}}])


def secured(context, **spec):
    return pod(containers=[container(), container(None, "x", securityContext=context)], **spec)


def added(*names, **spec):
    return secured({"capabilities": {"add": list(names)}}, **spec)


def noted(*keys, **more):
    return pod(annotations={key: "nvidia.com/gpu=all" for key in keys}, **more)


def env(name, value="all"):
    return pod(containers=[container(env=[{"name": name, **({} if value is None else {"value": value})}])])


HOST_PATHS = """
    /dev/nvidia0 dev/nvidia0 / /dev/ /dev/./nvidia0 /proc/1/root /run/nvidia/driver/dev /run/nvidia/mps /dev/nvhost-gpu /dev/nvhost-ctrl-gpu /dev/nvmap
    /dev/nvgpu/igpu0 /dev/dxg /dev/mkfd /dev/xpu0 /dev/xpuctrl /dev/gcu0 /dev/gcuctl /dev/mxcd /dev/iluvatar0 /dev/biren /dev/biren/card_0 /dev/apex_0
    /dev/tenstorrent /dev/tenstorrent/0 /dev/rbln0 /dev/npu0 /dev/vastai0_version /dev/hisi_hdc /dev/devmm_svm /dev/alixpu_ppu0 /dev/mtgpu.0 /dev/ipu0 /dev/mem
    /run/containerd /run/k0s/containerd.sock /var/snap/microk8s/common/run/containerd.sock /run/cri-dockerd.sock /var/run/cri-dockerd.sock
    /run/podman/podman.sock /run/user/1000/podman/podman.sock /run/isulad.sock /run/host-containerd/containerd.sock /run/dockershim.sock /run/crio/crio.sock
    /run/nri /var/run/nri/nri.sock /opt/nri/plugins /etc/nri/conf.d /run/dbus/system_bus_socket /run/systemd/private /var/run/systemd
    /var/lib/rancher/k3s/agent/pod-manifests /var/lib/rancher/rke2/agent/pod-manifests /var/lib/rancher/k3s/server/manifests /etc/kubelet.d
    /etc/kubernetes /etc/kubernetes/static-pods /var/lib/kubelet /var/lib/kubelet/device-plugins/kubelet.sock /var/lib/kubelet/pods
    /var/lib/kubelet/plugins/gpu.nvidia.com/dra.sock /var/lib/kubelet/pod-resources /var/lib/kubelet/checkpoints /sys/fs/cgroup /sys /var/lib/containerd
    /var/lib/docker /etc/containerd /etc/nvidia-container-runtime /etc/cron.d /etc/systemd/system /opt/cni/bin /etc /var /run /var/run /opt /var/lib
    """.split()
ANNOTATIONS = """
    nvidia.cdi.k8s.io/container.main nvidia.cdi.k8s.io/container.* nvidia.cdi.k8s.io/pod devices.gke.io/container.main cdi-devices.noderesource.dev/container.main
    cdi-devices.noderesource.dev/pod cdi-devices.noderesource.dev cdi-devices.nri.io devices.noderesource.dev/pod devices.nri.io mounts.noderesource.dev/pod
    mounts.nri.io cdi.k8s.io/gpu cdi.k8s.io/vfio0 cdi.nri.io/pod io.kubernetes.cri-o.Devices devices.crio.io scheduling.koordinator.sh/device-allocated""".split()
FRACTIONS = ["gpu-fraction", "gpu-memory", "gpu-fraction-num-devices"]
VARIABLES = [f"{vendor}_VISIBLE_DEVICES" for vendor in (
    "NVIDIA", "AMD", "HABANA", "ASCEND", "CAMBRICON", "HYGON", "MTHREADS", "METAX", "ILUVATAR", "AWS_NEURON", "IX", "CXPU", "ENFLAME", "BIREN", "DCU",
    "TSINGMICRO", "HCU", "VHCU", "MIG", "XDXCT", "METHERDS")] + ["DOCKER_RESOURCE_GPU", "DOCKER_RESOURCE_HCU"]

REFUSED = {
    "hostDeviceMounts": {path: host(path) for path in HOST_PATHS},
    "deviceAnnotations": {key: noted(key) for key in ANNOTATIONS} | {"with a GPU": pod({GPU: 1}, annotations={"cdi.k8s.io/gpu": "nvidia.com/gpu=all"})},
    "fractionAnnotations": {key: pod(annotations={key: "0.99"}, schedulerName="kai-scheduler") for key in FRACTIONS},
    "visibleDevicesEnv": {name: env(name) for name in VARIABLES} | {
        name: env("NVIDIA_VISIBLE_DEVICES", value) for name, value in (("space", " void"), ("a space", " "), ("two", "void,all"), ("variable", "$(EMPTY)"))} | {
        "from a file": pod(containers=[container(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {
            "fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}}])]),
        "empty, from elsewhere": pod(containers=[container(env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "", "valueFrom": {
            "configMapKeyRef": {"name": "m", "key": "k"}}}])]),
        "empty, then all": pod(containers=[container(env=[{"name": "NVIDIA_VISIBLE_DEVICES"}, {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}])])},
    "privileged": {
        "privileged": secured({"privileged": True}), "all": added("ALL"), "admin": added("SYS_ADMIN"), "module": added("SYS_MODULE"), "node": added("MKNOD"),
        "lower case": added("sys_admin"), "prefix": added("CAP_SYS_ADMIN"), "both": added("cap_Mknod"), "later": added("NET_ADMIN", "CHOWN", "all"),
        "long s": added("\u017fYS_ADMIN"), "dotless i": added("SYS_ADM\u0131N"), "trace": added("SYS_PTRACE", hostPID=True),
        "trace, spelled": added("cap_sys_ptrace", hostPID=True),
        "init": pod(init=[container(None, "i", securityContext={"capabilities": {"add": ["SYS_ADMIN"]}})]),
        "proc": secured({"procMount": "Unmasked"}, hostUsers=False), "windows": secured({"windowsOptions": {"hostProcess": True}}, hostNetwork=True),
        "windows, all": pod(securityContext={"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}, hostNetwork=True)},
    "severalSlicesInContainer": {
        "two": pod({MIG1: 2}), "spelled": pod({MIG1: "2000m"}), "init": pod(init=[container({MIG1: 2}, "i")]), "not in a catalog": pod({"nvidia.com/mig-9g.9gb": 3}),
        "second container": pod(containers=[container({MIG1: 1}), container({MIG1: 7}, "b")]),
        "limits only": pod(containers=[container(limits={MIG1: "2"})])},
}
ALLOWED = {
    "hostDeviceMounts": {path: host(path) for path in (
        "/dev/shm", "/dev/null", "/dev/net/tun", "/dev/ttyUSB0", "/dev/video0", "/dev/nvme0n1", "/dev/xp", "/data", "/var/log", "/var/runs", "/var/lib/rook",
        "/var/lib/kubelets", "/mnt", "/srv/proc", "/usr/share", "/home", "/tmp", "/etc/localtime", "/etc/ssl/certs", "/etc/kubernetesx", "/run/secrets",
        "/sys/class/net", "/run/udev", "/runs/containerd", "/var/var/run/containerd")},
    "deviceAnnotations": {key: noted(key) for key in (
        "example.com/cdi.k8s.io", "cdi.k8s.iox/gpu", "xcdi.k8s.io/gpu", "cdi.k8s.io.example.com/gpu", "container.cdi.k8s.io.devices", "CDI.k8s.io",
        "io.kubernetes.cri-o.DevicesX", "noderesource.dev/devices", "required-plugins.noderesource.dev/pod", *FRACTIONS)},
    "fractionAnnotations": {key: noted(key) for key in (
        "gpu-fractions", "x.example/gpu-fraction", "gpugate.io/gpu-memory", "gpu-memory-x", "GPU-memory", *ANNOTATIONS)} | {
        "label": pod(labels={"gpu-fraction": "1", "gpu-memory": "1"})},
    "visibleDevicesEnv": {
        "empty": env("NVIDIA_VISIBLE_DEVICES", ""), "no value": env("NVIDIA_VISIBLE_DEVICES", None), "void": env("IX_VISIBLE_DEVICES", "void"),
        "empty with a GPU": pod(containers=[container({GPU: 1}, env=[{"name": "NVIDIA_VISIBLE_DEVICES"}])]),
        "null": env("AMD_VISIBLE_DEVICES", None), "narrowing": env("HIP_VISIBLE_DEVICES"), "cuda": env("CUDA_VISIBLE_DEVICES"),
        "other": env("X_VISIBLE_DEVICES"), "not a resource": env("MY_DOCKER_RESOURCE_GPU"), "void resource": env("DOCKER_RESOURCE_GPU", "void")},
    "privileged": {
        "none": secured({}), "dropped": secured({"capabilities": {"drop": ["ALL", "SYS_ADMIN", "MKNOD"]}}), "usual": added("NET_BIND_SERVICE", "NET_ADMIN", "IPC_LOCK"),
        "trace of its own": added("SYS_PTRACE"), "pid": pod(hostPID=True), "pid and others": added("SYS_NICE", hostPID=True), "ipc": pod(hostIPC=True),
        "proc": secured({"procMount": "Default"}), "windows": secured({"windowsOptions": {"hostProcess": False}}), "nothing": added(),
        "windows user": pod(securityContext={"windowsOptions": {"runAsUserName": "ContainerUser"}}), "longer": added("SYS_ADMINS", "XSYS_ADMIN", "CAP_CAP_SYS_ADMIN"),
        "null": secured({"capabilities": {"add": None}, "windowsOptions": None, "procMount": None})},
    "severalSlicesInContainer": {
        "one": pod({MIG1: 1}), "none": pod({MIG1: 0}), "one each": pod(containers=[container({MIG1: 1}), container({MIG1: 1}, "b")]),
        "whole": pod({GPU: 8}), "shares": pod({SHARED: 2}), "two profiles": pod({MIG1: 1, "nvidia.com/mig-3g.40gb": 1})},
}
# Remaining ways, as in docs/security.md under "What is left".
OPEN = {
    "envFrom": pod(containers=[container({GPU: 1}, envFrom=[{"configMapRef": {"name": "m"}}])]),
    "imex": env("NVIDIA_IMEX_CHANNELS", "0"), "runtime class": pod(runtimeClassName="nvidia"),
    "image volume": pod(volumes=[{"name": "v", "image": {"reference": "x", "pullPolicy": "Always"}}]),
    "csi": pod(volumes=[{"name": "v", "csi": {"driver": "hostpath.csi.k8s.io"}}]),
    "claim of a local path": pod(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "local-path"}}}}]),
    "block device": pod(containers=[container(volumeDevices=[{"name": "v", "devicePath": "/var/run/nvidia-container-devices/all"}])],
                        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]),
    "a link in a folder": host("/srv/mine"), "mps": host("/tmp/nvidia-mps"), "libraries": host("/usr/local/nvidia"), "pci": host("/sys/bus/pci"),
}


@pytest.fixture(scope="module", params=sorted(REFUSED))
def guarded(request, serve_module):
    server = serve_module([*FLEET, doc("Guard", "only", deny=[request.param])])
    yield server, request.param
    server.stop()


def test_refused_by_its_guard(guarded):
    server, kind = guarded
    for name, obj in REFUSED[kind].items():
        decision = server.validate(obj, dry_run=True)
        assert not decision.allowed and '(Guard "only")' in decision.message, (kind, name)
    assert server.metrics().total("gpugate_denials_total", reason="guard", name=kind) >= len(REFUSED[kind])


def test_allowed_by_its_guard(guarded):
    server, kind = guarded
    for name, obj in ALLOWED[kind].items():
        decision = server.validate(obj, dry_run=True)
        assert decision.allowed, (kind, name, decision.message)


@pytest.fixture(scope="module")
def everything(serve_module):
    """Every Guard, on a fleet of several vendors."""
    others = ["amd.com/gpu", "habana.ai/gaudi", "aws.amazon.com/neuron", "huawei.com/Ascend910", "iluvatar.ai/gpu"]
    return serve_module([*FLEET, *(doc("Accelerator", f"v{i}", resource=name) for i, name in enumerate(others)),
                         doc("Guard", "all", deny=KINDS, visibleDevices="void")])


def final(server, obj):
    """Returns the decision of /validate on the Pod that /mutate returns."""
    return server.validate(applied(obj, server.mutate(obj).patch), dry_run=True)


def test_no_way_around_with_every_guard(everything):
    for kind, ways in REFUSED.items():
        for name, obj in ways.items():
            after = applied(obj, everything.mutate(obj).patch)
            if kind == "visibleDevicesEnv":
                values = {e.get("value", "") for e in after["spec"]["containers"][0]["env"]}
                assert values <= {"", "void"} and everything.validate(after, dry_run=True).allowed, (name, values)
            else:
                assert not everything.validate(after, dry_run=True).allowed, (kind, name)


def test_what_is_left_is_known(everything):
    for name, obj in OPEN.items():
        decision = final(everything, obj)
        assert decision.allowed, (name, decision.message)


# --- Paths: the model is Python's own normalization with a few rows of the table ---

ROWS = ["/dev/nvidia*", "/dev/dri", "/dev/xpu*", "/proc", "/sys/fs/cgroup", "/run/containerd", "/run/docker*", "/var/lib/kubelet", "/etc/kubernetes",
        "/etc/cron*", "/opt/cni"]
PARTS = ["dev", "nvidia", "nvidia0", "dri", "xpuctrl", "proc", "sys", "fs", "cgroup", "run", "containerd", "docker.sock", "var", "lib", "kubelet", "pods", "data",
         "kubernetes", "cron", "cron.d", "opt", "cnis", "srv", ".", "..", "", "..."]
NEVER = ["/data", "/srv", "/opt/cnis", "/..."]  # No row of the table is there or above.
paths = st.lists(st.sampled_from(PARTS), max_size=6).map(lambda parts: "/" + "/".join(parts)) | st.builds(
    lambda row, tail, up: row.replace("*", "") + tail + up, st.sampled_from(ROWS), st.sampled_from(["", "0", "/x", "/", "-x/y"]),
    st.sampled_from(["", "/.", "/..", "//", "/../x", "/z/.."]))


def normal(path):
    path = posixpath.normpath("/" + path.lstrip("/"))
    return path[len("/var"):] if path == "/var/run" or path.startswith("/var/run/") else path


def within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def reaches(path, row):
    """The path is the row, below it, or above it."""
    if not row.endswith("*"):
        return within(path, row) or within(row, path)
    start = row[:-1]
    folder, name = start.rsplit("/", 1)
    inside = path[len(folder) + 1:].split("/")[0] if path.startswith(folder + "/") else None
    return within(folder, path) or (inside is not None and inside.startswith(name))


@pytest.fixture(scope="module")
def by_table(serve_module):
    return serve_module([*FLEET, doc("Guard", "g", deny=["hostDeviceMounts"])])


def hypothesised(examples):
    return settings(max_examples=scaled(examples, 60), deadline=None, suppress_health_check=list(HealthCheck))


@hypothesised(600)
@given(path=paths)
def test_paths_are_compared_as_the_kernel_resolves_them(by_table, path):
    refused = not by_table.validate(host(path), dry_run=True).allowed
    at = normal(path)
    if any(reaches(at, row) for row in ROWS):
        assert refused, (path, at)
    elif any(within(at, folder) for folder in NEVER):
        assert not refused, (path, at)


ALLOW = [[], ["/"], ["/var/log", "/srv/"], ["/var/run/udev"], ["/run/udev"], ["/data//x/."], ["/opt", "/opt/a"]]
FREE = st.lists(st.sampled_from(["var", "log", "srv", "run", "udev", "data", "x", "opt", "a", "..", ".", "", "logs"]), max_size=5).map(
    lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize("allow", ALLOW, ids=lambda allow: "+".join(allow) or "none")
def test_an_allow_list_refuses_every_other_path(serve, allow):
    server = serve([*FLEET, doc("Guard", "g", hostPaths={"allow": allow})])

    @hypothesised(150)
    @given(path=FREE)
    def check(path):
        decision = server.validate(host(path), dry_run=True)
        assert decision.allowed == any(within(normal(path), normal(entry)) for entry in allow), path
        assert decision.allowed or '"g"' in decision.message
    check()
    for path in ("C:\\", "\\\\.\\pipe\\containerd-containerd", "/a" * 3000, "data/x/../../etc"):
        assert server.validate(host(path), dry_run=True).allowed == (allow == ["/"] and len(path) < 4096), path
    assert server.validate(pod(volumes=[{"name": "v", "emptyDir": {}}]), dry_run=True).allowed
    if allow != ["/"]:
        assert server.metrics().total("gpugate_denials_total", reason="guard", name="hostPaths") > 0


def test_an_allow_list_and_the_table_hold_both(serve):
    server = serve([*FLEET, doc("Guard", "list", hostPaths={"allow": ["/dev", "/srv"]}), doc("Guard", "table", deny=["hostDeviceMounts"])])
    assert server.validate(host("/srv/x"), dry_run=True).allowed
    assert '"table"' in server.validate(host("/dev/nvidia0"), dry_run=True).message
    assert '"list"' in server.validate(host("/data"), dry_run=True).message


# --- Capabilities ---

DANGEROUS = {"ALL": False, "SYS_ADMIN": False, "SYS_MODULE": False, "MKNOD": False, "SYS_PTRACE": True}
HARMLESS = ["NET_ADMIN", "CHOWN", "SYS_NICE", "SYS_TIME", "SYS_ADMI", "ADMIN", ""]


@st.composite
def spelled(draw):
    name = draw(st.sampled_from([*DANGEROUS, *HARMLESS]))
    text = "".join(draw(st.sampled_from([c.lower(), c.upper()])) for c in name)
    return name, draw(st.sampled_from(["", "CAP_", "cap_", "Cap_"])) + text


@pytest.fixture(scope="module")
def unprivileged(serve_module):
    return serve_module([*FLEET, doc("Guard", "g", deny=["privileged"])])


@hypothesised(400)
@given(names=st.lists(spelled(), max_size=4), host_pid=st.booleans(), where=st.sampled_from(["containers", "init", "ephemeral"]))
def test_capabilities_however_they_are_spelled(unprivileged, names, host_pid, where):
    context = {"capabilities": {"add": [text for _, text in names]}}
    one = container(None, "x", securityContext=context)
    expected = any(name in DANGEROUS and (host_pid or not DANGEROUS[name]) for name, _ in names)
    if where == "ephemeral":
        old = persisted(pod(hostPID=host_pid))
        new = copy.deepcopy(old)
        new["spec"]["ephemeralContainers"] = [one]
        decision = unprivileged.validate(new, operation="UPDATE", old=old, subresource="ephemeralcontainers")
    else:
        kinds = {"containers": [one]} if where == "containers" else {"init": [one]}
        decision = unprivileged.validate(pod(hostPID=host_pid, **kinds), dry_run=True)
    assert decision.allowed != expected, (names, host_pid, decision.message)


# --- Annotations of new and of updated Pods ---

SOME = [*ANNOTATIONS[:8], *FRACTIONS, "note", "example.com/gpu-fraction"]
maps = st.dictionaries(st.sampled_from(SOME), st.sampled_from(["", "a", "b"]), max_size=5)


@pytest.fixture(scope="module")
def annotated(serve_module):
    return serve_module([*FLEET, doc("Guard", "d", deny=["deviceAnnotations"], exempt={"users": ["scheduler"]}),
                         doc("Guard", "f", deny=["fractionAnnotations"])])


def with_annotations(obj, annotations):
    obj = copy.deepcopy(obj)
    obj["metadata"]["annotations"] = annotations
    return obj


@hypothesised(400)
@given(before=maps, after=maps, asks=st.sampled_from([None, {GPU: 1}]), user=st.sampled_from(["jane", "scheduler"]))
def test_annotations_of_a_pod_that_exists_are_judged_when_they_change(annotated, before, after, asks, user):
    base = persisted(pod(asks))
    old, new = with_annotations(base, before), with_annotations(base, after)
    decision = annotated.validate(new, operation="UPDATE", old=old, user=(user, []))
    changed = {key for key, value in after.items() if before.get(key) != value}
    devices, fractions = changed & set(ANNOTATIONS), changed & set(FRACTIONS)
    assert decision.allowed == (not fractions and (user == "scheduler" or not devices)), decision.message
    assert ('(Guard "f")' in decision.message) == bool(fractions)
    created = annotated.validate(with_annotations(pod(asks), after), user=(user, []), dry_run=True)
    assert created.allowed == (not set(after) & set(FRACTIONS) and (user == "scheduler" or not set(after) & set(ANNOTATIONS)))


def test_nothing_else_of_a_pod_that_exists_is_judged(everything):
    """However invalid the Pod is or was: an update cannot change that, and must not be blocked."""
    old = persisted(pod(containers=[container({GPU: "1500m"}, securityContext={"privileged": True}, env={"NVIDIA_VISIBLE_DEVICES": "all"})],
                        nodeName="n", annotations={"cdi.k8s.io/gpu": "x"}, volumes=[{"name": "v", "hostPath": {"path": "/"}}],
                        resourceClaims=[{"name": "c", "resourceClaimName": "x"}]))
    new = copy.deepcopy(old)
    new["metadata"]["labels"] = {"a": "b"}
    decision = everything.validate(new, operation="UPDATE", old=old)
    assert decision.allowed and not decision.warnings
    assert everything.used("team-a", "all") == 0


def test_the_tenant_of_a_refused_change_is_known(everything):
    old = persisted(pod())
    everything.validate(with_annotations(old, {"gpu-fraction": "0.5"}), operation="UPDATE", old=old)
    assert everything.metrics().total("gpugate_denials_total", tenant="team-a", reason="guard", name="fractionAnnotations") >= 1


def test_many_annotations_are_no_burden(annotated):
    many = {f"cdi.k8s.io/{i}": "x" for i in range(12000)}
    old = with_annotations(persisted(pod()), many)
    assert annotated.validate(old, operation="UPDATE", old=old).allowed
    assert not annotated.validate(with_annotations(old, {**many, "cdi.k8s.io/11999": "y"}), operation="UPDATE", old=old).allowed


# --- MIG with the strategy `single`, where a slice has the name of a whole device ---

def test_several_slices_under_the_name_of_a_device(serve):
    single = doc("Accelerator", "cut", resource=GPU, memory="80Gi", nodeLabels={"model": "cut"},
                 mig={"model": "a100-80gb", "offered": ["1g.10gb"], "strategy": "single"})
    whole = doc("Accelerator", "whole", resource=GPU, memory="80Gi", nodeLabels={"model": "whole"})
    guard = doc("Guard", "g", deny=["severalSlicesInContainer"])
    alone = serve([single, TENANT, guard])
    assert not alone.validate(pod({GPU: 2}), dry_run=True).allowed and alone.validate(pod({GPU: 1}), dry_run=True).allowed
    both = serve([single, whole, TENANT, guard])
    assert both.validate(pod({GPU: 2}), dry_run=True).allowed, "it could land on whole devices"
    assert not both.validate(pod({GPU: 2}, nodeSelector={"model": "cut"}), dry_run=True).allowed
    assert both.validate(pod({GPU: 2}, nodeSelector={"model": "whole"}), dry_run=True).allowed


# --- Void mode: which containers have a device ---

@pytest.mark.parametrize("asks", [{"nvidia.com/hostdev": 1}, {"nvidia.com/rdma_shared": 1}, {"nvidia.com/bf2_sf": 1}, {"amd.com/nic": 1}, {"rdma/hca": 1},
                                  {"nvidia.com/gpumem": 7000}, {"nvidia.com/gpucores": 50}, {"nvidia.com/priority": 1}, {"cpu": 1}, {GPU: 0}, None])
def test_a_container_without_a_device_is_voided(everything, asks):
    after = everything.mutated(pod(asks))
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in after["spec"]["containers"][0]["env"]


@pytest.mark.parametrize("asks", [{GPU: 1}, {SHARED: 1}, {MIG1: 1}])
def test_a_container_with_a_device_is_not(everything, asks):
    assert "env" not in everything.mutated(pod(asks))["spec"]["containers"][0]


def test_an_empty_value_is_as_good_as_void(everything):
    for name, value in itertools.product(["NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES"], ["", None]):
        obj = env(name, value)
        after = everything.mutated(obj)
        assert after["spec"]["containers"][0]["env"][0] == obj["spec"]["containers"][0]["env"][0]
        assert everything.validate(after, dry_run=True).allowed and not everything.mutate(after).patch


def test_only_runtimes_that_know_void_are_given_it(everything):
    """The others could fail to start any container on their nodes."""
    names = {e["name"] for e in everything.mutated(pod())["spec"]["containers"][0]["env"]}
    assert {"NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES", "HABANA_VISIBLE_DEVICES", "ASCEND_VISIBLE_DEVICES"} <= names
    assert not names & {"AWS_NEURON_VISIBLE_DEVICES", "IX_VISIBLE_DEVICES", "DCU_VISIBLE_DEVICES"}


# --- Each Guard's own enforcement, capped by the Settings ---

ORDER = ["deny", "warn", "audit"]


@pytest.mark.parametrize("whole", [None, *ORDER])
@pytest.mark.parametrize("own", [None, *ORDER])
def test_a_guard_has_an_enforcement_of_its_own(serve, whole, own):
    server = serve([*([doc("Settings", "s", enforcement=whole)] if whole else []), *FLEET,
                    doc("Guard", "g", deny=["privileged"], **({"enforcement": own} if own else {}))])
    decision = server.validate(REFUSED["privileged"]["admin"])
    wanted = max(whole or "deny", own or "deny", key=ORDER.index)
    assert decision.allowed == (wanted != "deny")
    assert bool(decision.warnings) == (wanted == "warn")
    assert ("SYS_ADMIN" in decision.audit.get("audit", "")) == (wanted == "audit")
    family = {"deny": "gpugate_denials_total", "warn": "gpugate_warnings_total", "audit": "gpugate_audits_total"}[wanted]
    assert server.metrics().total(family, reason="guard", name="privileged") == 1


def test_guards_of_different_enforcement_do_not_mix(serve):
    server = serve([*FLEET, doc("Guard", "a", deny=["privileged"], enforcement="audit"), doc("Guard", "b", deny=["resourceClaims"]),
                    doc("Guard", "c", deny=["preboundNodeName"], enforcement="warn")])
    claim = {"resourceClaims": [{"name": "c", "resourceClaimName": "x"}]}
    decision = server.validate(secured({"privileged": True}, nodeName="n", **claim))
    assert not decision.allowed and "resourceClaims" in decision.message and "privileged" not in decision.message
    decision = server.validate(secured({"privileged": True}, nodeName="n"))
    assert decision.allowed and any("nodeName" in w for w in decision.warnings) and "privileged" in decision.audit["audit"]


@pytest.mark.parametrize("settings_too", [False, True])
def test_void_on_audit_changes_nothing(serve, settings_too):
    cap = {"enforcement": "audit"}
    server = serve([*([doc("Settings", "s", **cap)] if settings_too else []), *FLEET,
                    doc("Guard", "g", visibleDevices="void", **({} if settings_too else cap))])
    assert not server.mutate(pod()).patch and not server.mutate(env("NVIDIA_VISIBLE_DEVICES")).patch
    decision = server.validate(env("NVIDIA_VISIBLE_DEVICES"), dry_run=True)
    assert decision.allowed and "NVIDIA_VISIBLE_DEVICES" in decision.audit["audit"]
    decision = server.validate(pod(), dry_run=True)
    assert decision.allowed and "audit" not in decision.audit, "it would be told of nearly every Pod"


def test_void_on_warn_still_sets_it(serve):
    server = serve([*FLEET, doc("Guard", "g", visibleDevices="void", enforcement="warn")])
    assert server.mutate(pod()).patch
    decision = server.validate(pod(), dry_run=True)
    assert decision.allowed and any("NVIDIA_VISIBLE_DEVICES" in w for w in decision.warnings)


def test_a_lenient_void_does_not_soften_a_strict_guard(serve):
    server = serve([*FLEET, doc("Guard", "a", visibleDevices="void", enforcement="audit"), doc("Guard", "b", deny=["visibleDevicesEnv"])])
    assert not server.validate(env("NVIDIA_VISIBLE_DEVICES"), dry_run=True).allowed


def test_the_strictest_void_decides(serve):
    server = serve([*FLEET, doc("Guard", "a", visibleDevices="void", enforcement="audit"), doc("Guard", "b", visibleDevices="void")])
    assert server.mutate(pod()).patch and not server.validate(pod(), dry_run=True).allowed


# --- Findings of lint ---

def lint(tmp_path, *policy):
    return run("lint", write_policy(tmp_path / "policy", list(policy)))


def test_a_rule_may_not_read_memory_from_an_annotation_that_a_guard_refuses(tmp_path):
    def policy(key):
        return (*FLEET, doc("Rule", "r", rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": key}}]),
                doc("Guard", "g", deny=["fractionAnnotations"]))
    ran = lint(tmp_path, *policy("annotation:gpu-memory"))
    assert ran.returncode == 1 and '"gpu-memory"' in ran.stdout and 'Rule "r"' in ran.stdout
    for fine in ("annotation:gpugate.io/gpu-memory", "label:gpu-memory"):
        assert lint(tmp_path, *policy(fine)).returncode == 0, fine


@pytest.mark.parametrize("path", ["var/log", "", "/var/log/*", "/var/l?g", "/var/../etc", "/var/..", "/a\nb", "/a" * 2100])
def test_host_paths_that_cannot_be_meant(tmp_path, path):
    ran = lint(tmp_path, *FLEET, doc("Guard", "g", hostPaths={"allow": ["/data", path]}))
    assert ran.returncode == 1 and "absolute path" in ran.stdout, ran.stdout


@pytest.mark.parametrize("path,wrong", [("/dev/nvidia0", True), ("/dev", True), ("/", True), ("/var/run", True), ("/var/log", False), ("/dev/shm", False)])
def test_a_path_cannot_be_allowed_and_refused_by_one_guard(tmp_path, path, wrong):
    ran = lint(tmp_path, *FLEET, doc("Guard", "g", deny=["hostDeviceMounts"], hostPaths={"allow": [path]}))
    assert ran.returncode == int(wrong) and ("hostDeviceMounts" in ran.stdout) == wrong, ran.stdout
    assert lint(tmp_path, *FLEET, doc("Guard", "g", deny=["hostDeviceMounts"]), doc("Guard", "h", hostPaths={"allow": [path]})).returncode == 0


def test_a_guard_of_host_paths_alone_refuses_something(tmp_path):
    assert lint(tmp_path, *FLEET, doc("Guard", "g", hostPaths={"allow": []})).returncode == 0
    assert lint(tmp_path, *FLEET, doc("Guard", "g", hostPaths={})).returncode == 1
    assert "hostPaths" in lint(tmp_path, *FLEET, doc("Guard", "g", enforcement="warn")).stdout
