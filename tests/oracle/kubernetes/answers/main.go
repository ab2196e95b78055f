// Command answers says what Kubernetes does with a pod: it reads cases as JSON lines and writes an
// answer for each. A case has an area and an object in the form of the API.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	apps "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	node "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	core "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/controller/daemon"
	schedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeaffinity"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodename"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeunschedulable"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/tainttoleration"
	"k8s.io/kubernetes/plugin/pkg/admission/podnodeselector"
	"k8s.io/kubernetes/plugin/pkg/admission/runtimeclass"
)

const gate = "TaintTolerationComparisonOperators"

// question is one case. Selector is the annotation of the namespace that PodNodeSelector reads.
type question struct {
	Area     string             `json:"area"`
	Gate     bool               `json:"gate"`
	Pod      json.RawMessage    `json:"pod"`
	Node     *v1.Node           `json:"node"`
	Class    *node.RuntimeClass `json:"class"`
	Selector string             `json:"selector"`
}

// answer has the fields of the answer of each area; others are left out.
type answer struct {
	Filters map[string]bool `json:"filters,omitempty"`
	Creates *bool           `json:"creates,omitempty"`
	Errors  []string        `json:"errors,omitempty"`
	Spec    *v1.PodSpec     `json:"spec,omitempty"`
}

type plugin interface {
	fwk.PreFilterPlugin
	fwk.FilterPlugin
}

func plugins(gated bool) (map[string]plugin, error) {
	ctx, fts := context.Background(), feature.Features{EnableTaintTolerationComparisonOperators: gated}
	makers := map[string]func() (fwk.Plugin, error){
		"taints": func() (fwk.Plugin, error) { return tainttoleration.New(ctx, nil, nil, fts) },
		"affinity": func() (fwk.Plugin, error) {
			return nodeaffinity.New(ctx, &schedulerconfig.NodeAffinityArgs{}, nil, fts)
		},
		"cordon": func() (fwk.Plugin, error) { return nodeunschedulable.New(ctx, nil, nil, fts) },
		"name":   func() (fwk.Plugin, error) { return nodename.New(ctx, nil, nil, fts) },
	}
	made := map[string]plugin{}
	for name, make := range makers {
		one, err := make()
		if err != nil {
			return nil, err
		}
		made[name] = one.(plugin)
	}
	return made, nil
}

// passes runs a filter as the scheduler does: the result of PreFilter may name the nodes, or say
// that Filter is not needed.
func passes(one plugin, pod *v1.Pod, info *framework.NodeInfo) bool {
	ctx, state := context.Background(), framework.NewCycleState()
	result, status := one.PreFilter(ctx, state, pod, []fwk.NodeInfo{info})
	if status.IsSkip() {
		return true
	}
	if !status.IsSuccess() {
		return false
	}
	if result != nil && !result.AllNodes() && !result.NodeNames.Has(info.Node().Name) {
		return false
	}
	return one.Filter(ctx, state, pod, info).IsSuccess()
}

func decode(raw json.RawMessage) (*v1.Pod, error) {
	pod := &v1.Pod{}
	return pod, json.Unmarshal(raw, pod)
}

func scheduled(asked question) (answer, error) {
	pod, err := decode(asked.Pod)
	if err != nil {
		return answer{}, err
	}
	filters := map[string]bool{}
	made, err := plugins(asked.Gate)
	if err != nil {
		return answer{}, err
	}
	info := framework.NewNodeInfo()
	info.SetNode(asked.Node)
	for name, one := range made {
		filters[name] = passes(one, pod, info)
	}
	return answer{Filters: filters}, nil
}

func daemonSet(asked question) (answer, error) {
	pod, err := decode(asked.Pod)
	if err != nil {
		return answer{}, err
	}
	set := &apps.DaemonSet{}
	set.Spec.Template.Spec = pod.Spec
	creates, _ := daemon.NodeShouldRunDaemonPod(klog.Background(), asked.Node, set)
	return answer{Creates: &creates}, nil
}

// validated decodes, defaults and validates a pod as the API server does when it is created.
func validated(asked question) (answer, error) {
	decoded, err := runtime.Decode(legacyscheme.Codecs.UniversalDecoder(), asked.Pod)
	if err != nil {
		return answer{Errors: []string{"cannot be decoded: " + err.Error()}}, nil
	}
	pod := decoded.(*core.Pod)
	podutil.DropDisabledPodFields(pod, nil)
	options := podutil.GetValidationOptionsFromPodSpecAndMeta(&pod.Spec, nil, &pod.ObjectMeta, nil)
	options.ResourceIsPod = true
	found := []string{}
	for _, problem := range validation.ValidatePodCreate(pod, options) {
		found = append(found, problem.Error())
	}
	return answer{Errors: found}, nil
}

// admitted runs the admission plug-ins RuntimeClass and PodNodeSelector on a pod.
func admitted(asked question) (answer, error) {
	pod, err := decode(asked.Pod)
	if err != nil {
		return answer{}, err
	}
	internal := &core.Pod{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(pod, internal, nil); err != nil {
		return answer{}, err
	}
	space := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if asked.Selector != "" {
		space.Annotations = map[string]string{podnodeselector.NamespaceNodeSelectors[0]: asked.Selector}
	}
	client := fake.NewSimpleClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	if err := factory.Core().V1().Namespaces().Informer().GetStore().Add(space); err != nil {
		return answer{}, err
	}
	if asked.Class != nil {
		if err := factory.Node().V1().RuntimeClasses().Informer().GetStore().Add(asked.Class); err != nil {
			return answer{}, err
		}
	}
	classes, selectors := runtimeclass.NewRuntimeClass(), podnodeselector.NewPodNodeSelector(nil)
	classes.SetExternalKubeClientSet(client)
	classes.SetExternalKubeInformerFactory(factory)
	selectors.SetExternalKubeClientSet(client)
	selectors.SetExternalKubeInformerFactory(factory)
	ready := func() bool { return true }
	classes.SetReadyFunc(ready)
	selectors.SetReadyFunc(ready)
	attributes := admission.NewAttributesRecord(internal, nil, core.Kind("Pod").WithVersion("version"),
		"default", "pod", core.Resource("pods").WithVersion("version"), "", admission.Create,
		&metav1.CreateOptions{}, false, nil)
	for _, one := range []admission.MutationInterface{classes, selectors} {
		if err := one.Admit(context.Background(), attributes, nil); err != nil {
			return answer{Errors: []string{err.Error()}}, nil
		}
	}
	external := &v1.Pod{}
	if err := corev1.Convert_core_Pod_To_v1_Pod(internal, external, nil); err != nil {
		return answer{}, err
	}
	return answer{Spec: &external.Spec}, nil
}

var areas = map[string]func(question) (answer, error){
	"placement":  scheduled,
	"daemonset":  daemonSet,
	"validation": validated,
	"admission":  admitted,
}

func answerLine(line []byte) (answer, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{}, err
	}
	area, known := areas[asked.Area]
	if !known {
		return answer{}, fmt.Errorf("there is no area %q", asked.Area)
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{gate: asked.Gate}); err != nil {
		return answer{}, err
	}
	return area(asked)
}

func main() {
	klog.SetOutput(os.Stderr)
	klog.LogToStderr(false)
	capabilities.Setup(true, 0) // as with --allow-privileged, which clusters set
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for in.Scan() {
		found, err := answerLine(in.Bytes())
		if err == nil {
			err = encoder.Encode(found)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s\n", err, in.Bytes())
			os.Exit(1)
		}
	}
}
