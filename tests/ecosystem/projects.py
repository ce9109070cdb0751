"""How the manager of each project is started."""

import base64

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from controller import Controller
from pki import Authority


class Configured(Controller):
    """Its manager reads a configuration file, as Kubernetes' own components do."""

    version = None  # The apiVersion of the file.

    def configuration(self):
        return {"apiVersion": self.version, "kind": "Configuration", "leaderElection": {"leaderElect": False},
                "internalCertManagement": {"enable": False},
                "webhook": {"port": self.webhooks, "host": "127.0.0.1", "certDir": str(self.plane.dir)},
                "metrics": {"bindAddress": f"127.0.0.1:{self.metrics}"}, "health": {"healthProbeBindAddress": f"127.0.0.1:{self.health}"}}

    def arguments(self):
        file = self.plane.dir / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump(self.configuration()))
        return [f"--config={file}"]


class JobSet(Configured):
    name, version = "jobset", "config.jobset.x-k8s.io/v1alpha1"

    def configuration(self):
        made = super().configuration()
        made["metrics"]["certDir"] = str(self.plane.dir)
        return made


class LeaderWorkerSet(Configured):
    name, version = "lws", "config.lws.x-k8s.io/v1alpha1"


class Kueue(Configured):
    """It manages its certificates itself, since it reads given ones only from a folder of the
    machine. It keeps those that it finds in its Secret, if they are valid for long enough and its
    authority has the right name and an RSA key. A kubelet would write them into a folder."""

    name, version = "kueue", "config.kueue.x-k8s.io/v1beta2"
    namespace, service = "kueue-system", "kueue-webhook-service"
    _authority = None

    def authority(self):
        if not self._authority:
            self._authority = Authority("kueue-ca", days=365, dns=["kueue-ca"], key=rsa.generate_private_key(65537, 2048))
        return self._authority

    def configuration(self):
        made = super().configuration()
        del made["internalCertManagement"]
        made["webhook"]["certDir"] = str(self._certificates())
        # It would serve an API of its own, from another fixed folder.
        made["featureGates"] = {"VisibilityOnDemand": False}
        made["integrations"] = {"frameworks": ["batch/job", "pod"]}
        return made

    def _authority_key(self):
        return self.authority().key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())

    def _certificates(self):
        certificate, key = self.authority().issue(self.service, dns=(f"{self.service}.{self.namespace}.svc",), days=365)
        files = {"ca.crt": self.authority().pem, "ca.key": self._authority_key(), "tls.crt": certificate, "tls.key": key}
        folder = self.plane.dir / "kueue"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        self.plane.admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kueue-webhook-server-cert", "namespace": self.namespace},
                                "data": {name: base64.b64encode(content).decode() for name, content in files.items()}}).must()
        return folder


class KubeRay(Controller):
    """It has no webhooks as it is installed by default."""

    name, scheme = "kuberay", "http"

    def arguments(self):
        return [f"--metrics-addr=127.0.0.1:{self.metrics}", f"--health-probe-bind-address=127.0.0.1:{self.health}",
                "--enable-leader-election=false"]
