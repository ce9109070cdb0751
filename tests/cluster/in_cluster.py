"""gpugate as in a cluster: one or several replicas of the real binary, registered with a real API
server."""

import atexit
import shutil
import tempfile
from pathlib import Path

from gpugate import BINARY, Server, authority, eventually, write_policy

import registration
from late_api import LateApi
from tcp_proxy import Proxy

NAMESPACE = ACCOUNT = "gpugate"


class InCluster:
    """gpugate in a ControlPlane.

    policy is what gpugate.Server takes. policies, one for each replica, replaces it. ledger is
    embedded (one replica) or cluster. The API server reaches the replicas through `proxy`, which
    can imitate a bad network. With the cluster ledger, each replica reaches the API server
    through a proxy of its own, `watches[i]`. `late` makes these LateApis, which understand the
    requests.

    With "--certs", "self-managed" among args, the replicas make their certificates. They then
    reach the API server with either ledger. `binary` is what all replicas run at first.

    With the cluster ledger, this returns when all replicas are ready and the ledger is open. It
    settles for two seconds here unless args say otherwise, because nothing admitted before the
    first replica can be stored late.
    """

    def __init__(self, cluster, policy, *args, ledger="embedded", replicas=1, policies=None, secret="a-path-secret", register=True, env=None,
                 ready=True, binary=BINARY, late=False):
        assert ledger == "cluster" or replicas == 1, "an embedded ledger is one replica's own"
        self.cluster, self.ledger = cluster, ledger
        self.watches, self.servers, self.late = [], [], late
        self.registered = False
        # Whether gpugate makes its own certificates.
        self.self_managed = "self-managed" in args
        self.dir = Path(tempfile.mkdtemp(prefix="gpugate-cluster-"))
        self.proxy = Proxy()
        self.url = f"https://127.0.0.1:{self.proxy.port}"
        # Whatever happens to the tests.
        atexit.register(self.kill)
        cluster.namespace(NAMESPACE)
        try:
            self.objects = self._render(policies[0] if policies else policy, secret)
            registration.prepare(cluster.admin, self.objects)
            for i in range(replicas):
                more = self._kube_args(i, args) if ledger == "cluster" or self.self_managed else ()
                self.servers.append(Server((policies or [policy] * replicas)[i], *more, *args, secret=secret, env=env, binary=binary))
                self.proxy.targets.append(self.servers[i].port)
            if register:
                self.register()
            if ready and ledger == "cluster":
                self.wait_open()
        except BaseException:
            self.kill()
            raise

    def _render(self, policy, secret):
        folder = policy if isinstance(policy, Path) else write_policy(self.dir / "policy", policy)
        (self.dir / "ca.crt").write_bytes(authority().pem)
        (self.dir / "secret").write_text(f"{secret}\n")
        return registration.rendered(folder, self.url, None if self.self_managed else self.dir / "ca.crt", self.dir / "secret" if secret else None, self.ledger, self.cluster.version[:2])

    def _kube_args(self, i, args):
        watch = LateApi(self.cluster) if self.late else Proxy(self.cluster.port)
        self.watches.append(watch)
        kubeconfig = self.cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT, url=f"https://127.0.0.1:{watch.port}")
        return ["--ledger", self.ledger, "--kubeconfig", kubeconfig, "--replica", f"gpugate-{i}",
                *(("--certs-name", "127.0.0.1") if self.self_managed else ()),
                *(() if "--settle-seconds" in args else ("--settle-seconds", "2"))]

    def register(self):
        registration.register(self.cluster.admin, self.objects)
        self.registered = True

    def register_each(self):
        """Used instead of register(): each replica is asked about the Pods whose label `replica` is
        its number."""
        folder, secret = self.servers[0].policy, self.dir / "secret"
        every = []
        for i, server in enumerate(self.servers):
            objects = registration.rendered(folder, f"https://127.0.0.1:{server.port}", self.dir / "ca.crt", secret, self.ledger, self.cluster.version[:2])
            for obj in (obj for obj in objects if obj["kind"] in registration.WEBHOOKS):
                obj["metadata"]["name"] = f"gpugate-{i}"
                for hook in obj["webhooks"]:
                    hook["objectSelector"] = {"matchLabels": {"replica": str(i)}}
                every.append(obj)
        registration.register(self.cluster.admin, every)

    def unregister(self):
        if self.registered:
            self.registered = False
            registration.unregister(self.cluster.admin)

    def state(self, i):
        """Returns the state of the ledger as replica i sees it: unknown, missing, settling, open or
        newer."""
        metrics = self.servers[i].metrics()
        return next(s for s in ("unknown", "missing", "settling", "open", "newer") if metrics.value("gpugate_ledger_state", state=s) == 1)

    def wait_open(self, seconds=30):
        for i, server in enumerate(self.servers):
            eventually(lambda i=i, server=server: server.admin("/readyz").status == 200 and self.state(i) == "open", seconds, f"an open ledger at {i}")

    @property
    def server(self):
        """The only replica."""
        assert len(self.servers) == 1
        return self.servers[0]

    def kill(self, i=None):
        """Kills one replica with SIGKILL, or all of them, and then closes the proxies and removes
        the files."""
        for server in self.servers if i is None else [self.servers[i]]:
            server.kill()
        if i is None:
            for proxy in [*self.watches, self.proxy]:
                proxy.close()
            shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, i):
        """Starts a replica that was killed. It gets another port."""
        self.servers[i].start()
        self.proxy.targets[i] = self.servers[i].port

    def restart(self, i=0):
        """Kills a replica with SIGKILL and starts it again."""
        self.servers[i].kill()
        self.start(i)

    def used(self, tenant, quota, measure="count"):
        """Returns what the first replica reports as taken."""
        return self.servers[0].used(tenant, quota, measure)

    def wait_used(self, tenant, quota, wanted, measure="count", seconds=10):
        def is_so():
            return abs(self.used(tenant, quota, measure) - wanted) < 1e-6
        eventually(is_so, seconds, f"{tenant}/{quota} at {wanted}, not {self.used(tenant, quota, measure)}")

    def keep_logs(self, folder):
        """Copies the replicas' logs before stop() removes them."""
        for i, server in enumerate(self.servers):
            if server.dir.exists():
                (folder / f"gpugate-{i}.log").write_text(server.stderr())

    def stop(self):
        """Removes the registration and stops everything. Each replica must exit cleanly."""
        try:
            self.unregister()
            for server in self.servers:
                server.stop()
        finally:
            self.kill()
