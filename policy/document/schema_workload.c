/* schema_workload: the tables of Workload documents, and the kinds whose paths are known. */
#include "policy/document/schema_parts.h"

const struct schema_word schema_workload_words[SHIPPED_WORKLOADS] = {
    {WORD("pytorchjobs.kubeflow.org"), SHIPPED_PYTORCH_JOB, "PyTorchJob of the Kubeflow Training Operator."},
    {WORD("tfjobs.kubeflow.org"), SHIPPED_TF_JOB, "TFJob of the Kubeflow Training Operator."},
    {WORD("mpijobs.kubeflow.org"), SHIPPED_MPI_JOB, "MPIJob of the Kubeflow Training Operator or the MPI Operator."},
    {WORD("trainjobs.trainer.kubeflow.org"), SHIPPED_TRAIN_JOB,
     "TrainJob of Kubeflow Trainer, as far as it says itself what each node has. What its runtime says is not known."},
    {WORD("notebooks.kubeflow.org"), SHIPPED_NOTEBOOK, "Notebook of Kubeflow; a stopped one has no Pod."},
    {WORD("inferenceservices.serving.kserve.io"), SHIPPED_INFERENCE_SERVICE,
     "InferenceService of KServe, with `minReplicas` Pods of each component. What its runtime adds is not known."},
    {WORD("llminferenceservices.serving.kserve.io"), SHIPPED_LLM_INFERENCE_SERVICE,
     "LLMInferenceService of KServe. What `baseRefs` add is not known, and workers count by `parallelism.pipeline`."},
    {WORD("rayclusters.ray.io"), SHIPPED_RAY_CLUSTER,
     "RayCluster of KubeRay, with the `replicas` of its worker groups, between `minReplicas` and `maxReplicas`."},
    {WORD("rayjobs.ray.io"), SHIPPED_RAY_JOB, "RayJob of KubeRay that has a cluster of its own."},
    {WORD("rayservices.ray.io"), SHIPPED_RAY_SERVICE, "RayService of KubeRay."},
    {WORD("leaderworkersets.leaderworkerset.x-k8s.io"), SHIPPED_LEADER_WORKER_SET, "LeaderWorkerSet."},
    {WORD("jobsets.jobset.x-k8s.io"), SHIPPED_JOB_SET,
     "JobSet, with the `parallelism` of its Jobs, at most their `completions`, which count as if all of them ran at "
     "the same time."},
    {WORD("workflows.argoproj.io"), SHIPPED_ARGO_WORKFLOW,
     "Workflow of Argo: each template alone, because the steps decide what runs at the same time."},
    {WORD("jobs.batch.volcano.sh"), SHIPPED_VOLCANO_JOB, "Job of Volcano."},
    {WORD("sparkapplications.sparkoperator.k8s.io"), SHIPPED_SPARK_APPLICATION,
     "SparkApplication of the Spark Operator: the driver, and the executors with which it starts."},
};

static const struct schema_field pods_fields[] = {
    {KEY("template"), .type = FIELD_TEXT, .form = FORM_FIELD_PATH, AT(doc_workload_pods, template),
     .doc = "Path of a PodTemplateSpec, an object with `metadata` and `spec`. Each match is a group of Pods."},
    {KEY("orTemplate"), .type = FIELD_TEXT, .form = FORM_FIELD_PATH, AT(doc_workload_pods, or_template),
     .doc = "Path of the template that is used where `template` leads to nothing."},
    {KEY("podSpec"), .type = FIELD_TEXT, .form = FORM_FIELD_PATH, AT(doc_workload_pods, pod_spec),
     .doc = "Path of a PodSpec, or of an object that has fields of one, where there is no template."},
    {KEY("metadata"), .type = FIELD_TEXT, .form = FORM_FIELD_PATH, AT(doc_workload_pods, metadata),
     .doc = "Path of the object that has `labels` and `annotations` of these Pods."},
    {KEY("containers"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_FIELD_PATH,
     AT(doc_workload_pods, containers),
     .doc = "Paths of containers that each Pod has in addition to those of `podSpec`, if they are there; at most 16."},
    {KEY("resources"), .type = FIELD_TEXT, .form = FORM_FIELD_PATH, AT(doc_workload_pods, resources),
     .doc = "Path of the `resources` of another container that each Pod has."},
    {KEY("device"), .type = FIELD_TEXT, .form = FORM_FIELD_PATH, AT(doc_workload_pods, device),
     .doc = "Path of an object with the `name` and `quantity` of a resource that each Pod requests."},
    {KEY("replicas"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_COUNT_PATH,
     AT(doc_workload_pods, replicas),
     .doc = "Paths of numbers whose product is the number of Pods of each group; at most 4. One that is absent is 1. "
	    "` - 1` behind a path subtracts from its number."},
    {KEY("atLeast"), .type = FIELD_TEXT, .form = FORM_COUNT_PATH, AT(doc_workload_pods, at_least),
     .doc = "Path of a number that the last number of `replicas` does not fall below, as the `replicas` of a worker "
	    "group of Ray are at least its `minReplicas`. If it is absent, there is no bound."},
    {KEY("atMost"), .type = FIELD_TEXT, .form = FORM_COUNT_PATH, AT(doc_workload_pods, at_most),
     .doc = "Path of a number that the last number of `replicas` does not exceed, as the `parallelism` of a Job does "
	    "not exceed its `completions`; it bounds `atLeast` as well. If it is absent, there is no bound."},
    {KEY("together"), .type = FIELD_FLAG, AT(doc_workload_pods, together), .fallback = "true",
     .doc = "Whether these Pods exist at the same time as the other ones. Otherwise each group is judged alone."},
};

/* The Pods come from a template, or from at least one part of a Pod. */
static const char pods_conditions[] = JSON({
	"anyOf" : [
		{"not" : {"anyOf" : [ {"required" : ["atLeast"]}, {"required" : ["atMost"]} ]}},
		{"required" : ["replicas"]}
	],
	"oneOf" : [
		{
			"required" : ["template"],
			"not" : {
				"anyOf" : [
					{"required" : ["podSpec"]}, {"required" : ["metadata"]},
					{"required" : ["containers"]}, {"required" : ["resources"]},
					{"required" : ["device"]}
				]
			}
		},
		{
			"not" : {"anyOf" : [ {"required" : ["template"]}, {"required" : ["orTemplate"]} ]},
			"anyOf" :
			    [ {"required" : ["podSpec"]}, {"required" : ["containers"]}, {"required" : ["resources"]} ]
		}
	]
});

static const struct schema_object pods_object = {.name = "a group of Pods",
						 .doc = "Where the objects keep what their Pods are like, and how "
							"many there are.",
						 .example = "{template: spec.template, replicas: [spec.replicas]}",
						 .size = sizeof(struct doc_workload_pods),
						 FIELDS(pods_fields),
						 .conditions = pods_conditions};

static const struct schema_field workload_fields[] = {
    {KEY("group"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_workload, group),
     .doc = "The API group of the kind, such as kubeflow.org. Its version does not matter."},
    {KEY("kind"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_KIND, AT(doc_workload, kind),
     .doc = "The kind of the objects, such as PyTorchJob."},
    {KEY("plural"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_workload, plural),
     .doc = "The kind's name in the addresses of the API server, such as pytorchjobs, for the registration."},
    {KEY("pods"), .type = FIELD_OBJECTS, .flags = FIELD_REQUIRED | FIELD_FULL, AT(doc_workload, pods),
     .object = &pods_object, .doc = "The groups of Pods that an object has; at most 16."},
    {KEY("suspend"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_FIELD_PATH, AT(doc_workload, suspend),
     .doc = "Paths of booleans that mean no Pods while they are true, at most 4; or of texts that mean it while they "
	    "are there."},
};

static const struct schema_object workload_spec = {.name = "the spec of a Workload",
						   .doc = "A kind of custom resource, and where it keeps its Pods.",
						   FIELDS(workload_fields)};

static const struct schema_field workload_document[] = {HEADER, SPEC(&workload_spec)};

const struct schema_object schema_workload_object = {
    .name = "a Workload document",
    .doc = "A kind of custom resource whose Pods are judged when it is applied.",
    .size = sizeof(struct doc_workload),
    FIELDS(workload_document)};
