/*
 * workload_shipped: the paths of well-known custom resources, as the types in the projects' own
 * sources have them. tests/blackbox/custom_resources.py has an object of each kind.
 */
#include "policy/compile/workload.h"

#include "gpugate/workload_paths.h"
#include "policy/document/schema_parts.h"

#define CONTAINERS_MAX 16

struct shipped_pods {
	const char *template, *or_template, *pod_spec, *metadata, *resources, *device;
	const char *containers[CONTAINERS_MAX];
	const char *replicas[3], *at_least, *at_most;
	bool alone;
};

struct shipped {
	const char *group, *kind, *plural;
	struct shipped_pods pods[6];
	const char *suspend[1];
};

#define REPLICA_SPECS(specs)                                                                                           \
	{                                                                                                              \
		{                                                                                                      \
			.template = "spec." specs ".*.template", .replicas = { "spec." specs ".*.replicas" }           \
		}                                                                                                      \
	}

#define RAY_PODS(cluster)                                                                                              \
	{                                                                                                              \
		{.template = cluster ".headGroupSpec.template"},                                                       \
		{                                                                                                      \
			.template = cluster ".workerGroupSpecs[].template",                                            \
			.replicas = {cluster ".workerGroupSpecs[].numOfHosts",                                         \
				     cluster ".workerGroupSpecs[].replicas"},                                          \
			.at_least = cluster ".workerGroupSpecs[].minReplicas",                                         \
			.at_most = cluster ".workerGroupSpecs[].maxReplicas"                                           \
		}                                                                                                      \
	}

/*
 * A component of an InferenceService has the fields of a PodSpec, and KServe hands the labels and
 * annotations of the service on. `model` is the container of a predictor, and so is a framework, as
 * older objects name one.
 */
#define COMPONENT(name, ...)                                                                                           \
	{                                                                                                              \
		.pod_spec = "spec." name, .metadata = "metadata", .containers = {__VA_ARGS__}, .replicas = {           \
			"spec." name ".minReplicas"                                                                    \
		}                                                                                                      \
	}
#define FRAMEWORK(name) "spec.predictor." name

/* A part of an LLMInferenceService: its head, and the workers of each. */
#define LLM_PODS(part)                                                                                                 \
	{.pod_spec = part ".template", .metadata = (part), .replicas = {part ".replicas"}},                            \
	{                                                                                                              \
		.pod_spec = part ".worker", .metadata = (part), .replicas = {                                          \
			part ".replicas",                                                                              \
			part ".parallelism.pipeline - 1"                                                               \
		}                                                                                                      \
	}

static const struct shipped rows[SHIPPED_WORKLOADS] = {
    [SHIPPED_PYTORCH_JOB] =
	{"kubeflow.org", "PyTorchJob", "pytorchjobs", REPLICA_SPECS("pytorchReplicaSpecs"), {"spec.runPolicy.suspend"}},
    [SHIPPED_TF_JOB] = {"kubeflow.org", "TFJob", "tfjobs", REPLICA_SPECS("tfReplicaSpecs"), {"spec.runPolicy.suspend"}},
    [SHIPPED_MPI_JOB] =
	{"kubeflow.org", "MPIJob", "mpijobs", REPLICA_SPECS("mpiReplicaSpecs"), {"spec.runPolicy.suspend"}},
    [SHIPPED_TRAIN_JOB] = {"trainer.kubeflow.org",
			   "TrainJob",
			   "trainjobs",
			   {{.resources = "spec.trainer.resourcesPerNode", .replicas = {"spec.trainer.numNodes"}}},
			   {"spec.suspend"}},
    [SHIPPED_NOTEBOOK] = {"kubeflow.org",
			  "Notebook",
			  "notebooks",
			  {{.template = "spec.template"}},
			  {"metadata.annotations.kubeflow-resource-stopped"}},
    [SHIPPED_INFERENCE_SERVICE] =
	{"serving.kserve.io",
	 "InferenceService",
	 "inferenceservices",
	 {COMPONENT("predictor", FRAMEWORK("model"), FRAMEWORK("sklearn"), FRAMEWORK("xgboost"),
		    FRAMEWORK("tensorflow"), FRAMEWORK("pytorch"), FRAMEWORK("triton"), FRAMEWORK("onnx"),
		    FRAMEWORK("huggingface"), FRAMEWORK("pmml"), FRAMEWORK("lightgbm"), FRAMEWORK("paddle")),
	  {.pod_spec = "spec.predictor.workerSpec",
	   .metadata = "metadata",
	   .replicas = {"spec.predictor.minReplicas", "spec.predictor.workerSpec.pipelineParallelSize - 1"}},
	  COMPONENT("transformer", NULL),
	  COMPONENT("explainer", "spec.explainer.art")}},
    [SHIPPED_LLM_INFERENCE_SERVICE] = {"serving.kserve.io",
				       "LLMInferenceService",
				       "llminferenceservices",
				       {LLM_PODS("spec"), LLM_PODS("spec.prefill")}},
    [SHIPPED_RAY_CLUSTER] = {"ray.io", "RayCluster", "rayclusters", RAY_PODS("spec"), {"spec.suspend"}},
    [SHIPPED_RAY_JOB] = {"ray.io", "RayJob", "rayjobs", RAY_PODS("spec.rayClusterSpec"), {"spec.suspend"}},
    [SHIPPED_RAY_SERVICE] = {"ray.io", "RayService", "rayservices", RAY_PODS("spec.rayClusterConfig")},
    [SHIPPED_LEADER_WORKER_SET] = {"leaderworkerset.x-k8s.io",
				   "LeaderWorkerSet",
				   "leaderworkersets",
				   {{.template = "spec.leaderWorkerTemplate.leaderTemplate",
				     .or_template = "spec.leaderWorkerTemplate.workerTemplate",
				     .replicas = {"spec.replicas"}},
				    {.template = "spec.leaderWorkerTemplate.workerTemplate",
				     .replicas = {"spec.replicas", "spec.leaderWorkerTemplate.size - 1"}}}},
    [SHIPPED_JOB_SET] = {"jobset.x-k8s.io",
			 "JobSet",
			 "jobsets",
			 {{.template = "spec.replicatedJobs[].template.spec.template",
			   .replicas = {"spec.replicatedJobs[].replicas",
					"spec.replicatedJobs[].template.spec.parallelism"},
			   .at_most = "spec.replicatedJobs[].template.spec.completions"}},
			 {"spec.suspend"}},
    [SHIPPED_ARGO_WORKFLOW] = {"argoproj.io",
			       "Workflow",
			       "workflows",
			       {{.pod_spec = "spec.templates[]",
				 .metadata = "spec.templates[].metadata",
				 .containers = {"spec.templates[].container", "spec.templates[].script"},
				 .alone = true}},
			       {"spec.suspend"}},
    [SHIPPED_VOLCANO_JOB] = {"batch.volcano.sh",
			     "Job",
			     "jobs",
			     {{.template = "spec.tasks[].template", .replicas = {"spec.tasks[].replicas"}}}},
    [SHIPPED_SPARK_APPLICATION] = {"sparkoperator.k8s.io",
				   "SparkApplication",
				   "sparkapplications",
				   {{.pod_spec = "spec.driver", .metadata = "spec.driver", .device = "spec.driver.gpu"},
				    {.pod_spec = "spec.executor",
				     .metadata = "spec.executor",
				     .device = "spec.executor.gpu",
				     .replicas = {"spec.executor.instances"}}}},
};

struct str workload_shipped_name(struct str group, struct str kind)
{
	for (size_t i = 0; i < SHIPPED_WORKLOADS; i++) {
		const struct shipped *row = &rows[schema_workload_words[i].value];
		if (str_eq(group, str_of(row->group)) && str_eq(kind, str_of(row->kind)))
			return schema_workload_words[i].word;
	}
	return (struct str){NULL, 0};
}

static struct text text_at(const char *text, struct location at)
{
	return (struct text){text ? str_of(text) : (struct str){NULL, 0}, at};
}

static struct texts texts_at(struct compile *c, const char *const *texts, size_t max, struct location at)
{
	struct texts list = {.at = at};
	list.items = compile_scratch(c, max, sizeof *list.items);
	for (size_t i = 0; i < max && texts[i]; i++)
		list.items[list.count++] = text_at(texts[i], at);
	list.set = list.count > 0;
	return list;
}

struct doc_workload *workload_shipped(struct compile *c, enum shipped_workload kind, struct location at)
{
	const struct shipped *row = &rows[kind];
	const size_t most = sizeof row->pods / sizeof row->pods[0];
	struct doc_workload *doc = compile_scratch(c, 1, sizeof *doc);
	struct doc_workload_pods *pods = compile_scratch(c, most, sizeof *pods);
	uint32_t count = 0;
	for (const struct shipped_pods *from = row->pods;
	     count < most && (from->template || from->pod_spec || from->resources); from++)
		pods[count++] = (struct doc_workload_pods){
		    .at = at,
		    .template = text_at(from->template, at),
		    .or_template = text_at(from->or_template, at),
		    .pod_spec = text_at(from->pod_spec, at),
		    .metadata = text_at(from->metadata, at),
		    .resources = text_at(from->resources, at),
		    .device = text_at(from->device, at),
		    .containers = texts_at(c, from->containers, CONTAINERS_MAX, at),
		    .replicas = texts_at(c, from->replicas, sizeof from->replicas / sizeof from->replicas[0], at),
		    .at_least = text_at(from->at_least, at),
		    .at_most = text_at(from->at_most, at),
		    .together = {.value = !from->alone}};
	*doc = (struct doc_workload){.at = at,
				     .group = text_at(row->group, at),
				     .kind = text_at(row->kind, at),
				     .plural = text_at(row->plural, at),
				     .suspend = texts_at(c, row->suspend, 1, at)};
	doc->pods.items = pods;
	doc->pods.count = count;
	return doc;
}
