"""One manifest of each kind of custom resource whose paths gpugate ships, as people write them; and
the Pods that its controller makes: how many, with how many devices each. The fields are those of
the types in the projects' sources."""

import yaml

# name in Settings.workloads: (manifest, [(path in the object, Pods, devices of each), ...])
CUSTOM = {
    "pytorchjobs.kubeflow.org": ("""
apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata: {name: w, namespace: team-a}
spec:
  runPolicy: {cleanPodPolicy: None}
  nprocPerNode: "2"
  pytorchReplicaSpecs:
    Master:
      replicas: 1
      restartPolicy: OnFailure
      template: {metadata: {annotations: {sidecar.istio.io/inject: "false"}},
                 spec: {containers: [{name: pytorch, image: "i:1", resources: {limits: {nvidia.com/gpu: 2}}}]}}
    Worker:
      replicas: 3
      restartPolicy: OnFailure
      template: {spec: {containers: [{name: pytorch, image: "i:1", resources: {limits: {nvidia.com/gpu: 2}}}]}}
""", [("spec.pytorchReplicaSpecs.Master.template", 1, 2), ("spec.pytorchReplicaSpecs.Worker.template", 3, 2)]),
    "tfjobs.kubeflow.org": ("""
apiVersion: kubeflow.org/v1
kind: TFJob
metadata: {name: w, namespace: team-a}
spec:
  tfReplicaSpecs:
    PS: {replicas: 2, template: {spec: {containers: [{name: tensorflow, image: "i:1"}]}}}
    Chief: {template: {spec: {containers: [{name: tensorflow, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}
    Worker: {replicas: 2, template: {spec: {containers: [{name: tensorflow, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}
""", [("spec.tfReplicaSpecs.PS.template", 2, 0), ("spec.tfReplicaSpecs.Chief.template", 1, 1),
      ("spec.tfReplicaSpecs.Worker.template", 2, 1)]),
    "mpijobs.kubeflow.org": ("""
apiVersion: kubeflow.org/v2beta1
kind: MPIJob
metadata: {name: w, namespace: team-a}
spec:
  slotsPerWorker: 4
  runPolicy: {cleanPodPolicy: Running}
  mpiReplicaSpecs:
    Launcher: {replicas: 1, template: {spec: {containers: [{name: launcher, image: "i:1"}]}}}
    Worker: {replicas: 2, template: {spec: {containers: [{name: worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 4}}}]}}}
""", [("spec.mpiReplicaSpecs.Launcher.template", 1, 0), ("spec.mpiReplicaSpecs.Worker.template", 2, 4)]),
    "trainjobs.trainer.kubeflow.org": ("""
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata: {name: w, namespace: team-a}
spec:
  runtimeRef: {name: torch-distributed}
  trainer: {numNodes: 3, image: "i:1", command: [torchrun, train.py], resourcesPerNode: {limits: {nvidia.com/gpu: 2}}}
""", [("spec.trainer.resourcesPerNode", 3, 2)]),
    "notebooks.kubeflow.org": ("""
apiVersion: kubeflow.org/v1
kind: Notebook
metadata: {name: w, namespace: team-a, labels: {app: w}}
spec:
  template: {spec: {serviceAccountName: default-editor, containers: [{name: w, image: "i:1", resources: {limits: {nvidia.com/gpu: "1"}}}]}}
""", [("spec.template", 1, 1)]),
    "inferenceservices.serving.kserve.io": ("""
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: w, namespace: team-a, annotations: {gpugate.io/gpu-memory: 16Gi}}
spec:
  predictor:
    minReplicas: 2
    maxReplicas: 4
    nodeSelector: {disk: fast}
    model: {modelFormat: {name: huggingface}, storageUri: "hf://org/model", resources: {limits: {cpu: "4", nvidia.com/gpu: "1"}}}
    containers: [{name: agent, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]
  transformer: {containers: [{name: kserve-container, image: "i:1"}]}
""", [("spec.predictor", 2, 2), ("spec.transformer", 1, 0)]),
    "llminferenceservices.serving.kserve.io": ("""
apiVersion: serving.kserve.io/v1alpha1
kind: LLMInferenceService
metadata: {name: w, namespace: team-a}
spec:
  model: {uri: "hf://org/model"}
  replicas: 2
  parallelism: {tensor: 4, pipeline: 3}
  template: {containers: [{name: main, resources: {limits: {nvidia.com/gpu: 4}}}]}
  worker: {containers: [{name: main, resources: {limits: {nvidia.com/gpu: 4}}}]}
  prefill:
    replicas: 3
    template: {containers: [{name: main, resources: {limits: {nvidia.com/gpu: 1}}}]}
  router: {route: {}, gateway: {}, scheduler: {}}
""", [("spec.template", 2, 4), ("spec.worker", 4, 4), ("spec.prefill.template", 3, 1)]),
    "rayclusters.ray.io": ("""
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: w, namespace: team-a}
spec:
  rayVersion: 2.46.0
  enableInTreeAutoscaling: true
  headGroupSpec:
    rayStartParams: {dashboard-host: 0.0.0.0}
    template: {spec: {containers: [{name: ray-head, image: "i:1", resources: {limits: {cpu: "2"}}}]}}
  workerGroupSpecs:
  - {groupName: cpu, replicas: 2, minReplicas: 0, maxReplicas: 4, template: {spec: {containers: [{name: ray-worker, image: "i:1"}]}}}
  - {groupName: gpu, replicas: 2, minReplicas: 0, maxReplicas: 4, numOfHosts: 2,
     template: {spec: {containers: [{name: ray-worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}
""", [("spec.headGroupSpec.template", 1, 0), ("spec.workerGroupSpecs[0].template", 2, 0),
      ("spec.workerGroupSpecs[1].template", 4, 1)]),
    "rayjobs.ray.io": ("""
apiVersion: ray.io/v1
kind: RayJob
metadata: {name: w, namespace: team-a}
spec:
  entrypoint: python train.py
  shutdownAfterJobFinishes: true
  rayClusterSpec:
    headGroupSpec: {rayStartParams: {}, template: {spec: {containers: [{name: ray-head, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}
    workerGroupSpecs:
    - {groupName: gpu, replicas: 3, template: {spec: {containers: [{name: ray-worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}
""", [("spec.rayClusterSpec.headGroupSpec.template", 1, 1), ("spec.rayClusterSpec.workerGroupSpecs[0].template", 3, 1)]),
    "rayservices.ray.io": ("""
apiVersion: ray.io/v1
kind: RayService
metadata: {name: w, namespace: team-a}
spec:
  serveConfigV2: "applications: []"
  rayClusterConfig:
    headGroupSpec: {rayStartParams: {}, template: {spec: {containers: [{name: ray-head, image: "i:1"}]}}}
    workerGroupSpecs:
    - {groupName: gpu, replicas: 2, template: {spec: {containers: [{name: ray-worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 2}}}]}}}
""", [("spec.rayClusterConfig.headGroupSpec.template", 1, 0), ("spec.rayClusterConfig.workerGroupSpecs[0].template", 2, 2)]),
    "leaderworkersets.leaderworkerset.x-k8s.io": ("""
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: w, namespace: team-a}
spec:
  replicas: 2
  leaderWorkerTemplate:
    size: 4
    restartPolicy: RecreateGroupOnPodRestart
    leaderTemplate: {metadata: {labels: {role: leader}}, spec: {containers: [{name: leader, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}
    workerTemplate: {spec: {containers: [{name: worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 8}}}]}}
""", [("spec.leaderWorkerTemplate.leaderTemplate", 2, 1), ("spec.leaderWorkerTemplate.workerTemplate", 6, 8)]),
    "jobsets.jobset.x-k8s.io": ("""
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: w, namespace: team-a}
spec:
  replicatedJobs:
  - {name: driver, template: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: driver, image: "i:1"}]}}}}}
  - {name: workers, replicas: 2, template: {spec: {parallelism: 3, completions: 3, backoffLimit: 0, template: {
      spec: {restartPolicy: Never, containers: [{name: worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}}}
""", [("spec.replicatedJobs[0].template.spec.template", 1, 0), ("spec.replicatedJobs[1].template.spec.template", 6, 1)]),
    "workflows.argoproj.io": ("""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w, namespace: team-a}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: prepare, template: prepare}], [{name: train, template: train}]]}
  - {name: prepare, script: {image: "i:1", command: [python], source: "print(1)"}}
  - {name: train, metadata: {labels: {stage: train}}, container: {image: "i:1", resources: {limits: {nvidia.com/gpu: 2}}}}
""", [("spec.templates[0]", 1, 0), ("spec.templates[1]", 1, 0), ("spec.templates[2]", 1, 2)]),
    "jobs.batch.volcano.sh": ("""
apiVersion: batch.volcano.sh/v1alpha1
kind: Job
metadata: {name: w, namespace: team-a}
spec:
  minAvailable: 3
  schedulerName: volcano
  queue: default
  tasks:
  - {name: ps, replicas: 1, template: {spec: {containers: [{name: ps, image: "i:1"}]}}}
  - {name: worker, replicas: 2, template: {spec: {containers: [{name: worker, image: "i:1", resources: {limits: {nvidia.com/gpu: 1}}}]}}}
""", [("spec.tasks[0].template", 1, 0), ("spec.tasks[1].template", 2, 1)]),
    "sparkapplications.sparkoperator.k8s.io": ("""
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: w, namespace: team-a}
spec:
  type: Scala
  mode: cluster
  sparkVersion: 4.0.0
  driver: {cores: 1, memory: 512m, serviceAccount: spark, labels: {version: 4.0.0}}
  executor: {cores: 1, instances: 3, memory: 512m, nodeSelector: {disk: fast}, gpu: {name: nvidia.com/gpu, quantity: 2}}
""", [("spec.driver", 1, 0), ("spec.executor", 3, 2)]),
}
OBJECTS = {name: yaml.safe_load(text) for name, (text, _) in CUSTOM.items()}
PARTS = {name: parts for name, (_, parts) in CUSTOM.items()}
ALONE = {"workflows.argoproj.io"}  # Its groups of Pods do not exist at the same time.
