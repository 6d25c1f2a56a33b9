package driver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

const (
	jenkinsJobPath = "/ci/job/team/job/deploy%20shop"
	jenkinsJobAsk  = "GET " + jenkinsJobPath + "/api/json"
	jenkinsStart   = "POST " + jenkinsJobPath + "/buildWithParameters"
	jenkinsQueue   = "GET /ci/queue/api/json"
	jenkinsItemAsk = "GET /ci/queue/item/123/api/json"
	jenkinsAsk     = "GET " + jenkinsJobPath + "/45/api/json"
	jenkinsText    = "GET " + jenkinsJobPath + "/45/logText/progressiveText"
)

func testJenkins(url string) *Jenkins {
	return &Jenkins{
		Remote: testRemote(), URL: url + "/ci/", Job: "team/deploy shop", User: "tidemark", Token: secret.Value(testToken),
		Parameters: map[string]deploy.Template{"VERSION": "{version}", "WHY": "{reason}"},
	}
}

func jenkinsDeclares(names ...string) http.HandlerFunc {
	return says(200, `{"buildable": true, "property": [{}, `+jenkinsDefinitions(names...)+`]}`)
}

func jenkinsDefinitions(names ...string) string {
	list := ""
	for i, name := range names {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf(`{"name": %q}`, name)
	}
	return `{"parameterDefinitions": [` + list + `]}`
}

func TestJenkinsBegins(t *testing.T) {
	testBegin(t, jenkinsStart, func(f *fake) { f.on(jenkinsJobAsk, jenkinsDeclares("VERSION", "WHY")) }, func(url string) Driver { return testJenkins(url) })

	f := newFake(t).on(jenkinsJobAsk, jenkinsDeclares("VERSION", "WHY", deployVariable, "OTHER"), jenkinsDeclares("VERSION", "WHY")).
		on(jenkinsStart, says(201, "", "Location", "http://jenkins.internal/ci/queue/item/123/"), says(201, "", "Location", "http://jenkins.internal/ci/job/x/"))
	j := testJenkins(f.URL)
	ref, err := j.Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, deploy.Ref{ID: "queue/123", URL: f.URL + jenkinsJobPath + "/"}, ref)
	form, err := url.ParseQuery(f.request(1).body)
	require.NoError(t, err)
	require.Equal(t, url.Values{"VERSION": {"1.4.2"}, "WHY": {"fix \"it\"\n/now"}, deployVariable: {testRun}}, form)
	user, password, _ := (&http.Request{Header: f.request(1).header}).BasicAuth()
	require.Equal(t, "tidemark "+testToken, user+" "+password)

	_, err = j.Begin(t.Context(), remoteJob(t))
	require.ErrorIs(t, err, ErrUncertain, "it does not say where in the queue")
	body, _ := f.posted(jenkinsStart)
	require.NotContains(t, body, deployVariable, "the job does not declare it")
}

func TestJenkinsBeginsNothing(t *testing.T) {
	for _, test := range []struct {
		job  http.HandlerFunc
		want string
	}{
		{jenkinsDeclares("VERSION"), "declares no parameter WHY"},
		{says(200, `{"buildable": false}`), "is disabled"},
		{says(404, "<html>"), "404"},
		{says(403, "", "X-Error", "no Job/Read for "+testToken), "no Job/Read for ***"},
	} {
		f := newFake(t).on(jenkinsJobAsk, test.job)
		_, err := testJenkins(f.URL).Begin(t.Context(), remoteJob(t))
		require.ErrorContains(t, err, "nothing was begun")
		require.ErrorContains(t, err, test.want)
		require.NotErrorIs(t, err, ErrUncertain)
		_, count := f.posted("POST ")
		require.Zero(t, count)
	}
	f := newFake(t).on(jenkinsJobAsk, jenkinsDeclares()).on("POST "+jenkinsJobPath+"/build", says(201, "", "Location", "/ci/queue/item/9"))
	j := testJenkins(f.URL)
	j.Parameters = nil
	ref, err := j.Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, "queue/9", ref.ID, "a job without parameters")
}

func TestJenkinsFinds(t *testing.T) {
	parameters := func(id string) string {
		return `"actions": [{}, {"parameters": [{"name": "DRY", "value": false}, {"name": "TIDEMARK_DEPLOY_ID", "value": "` + id + `"}]}]`
	}
	empty := says(200, `{"items": []}`)
	job := func(queued bool, builds string, declared ...string) http.HandlerFunc {
		return says(200, fmt.Sprintf(`{"inQueue": %t, "property": [%s], "builds": [%s]}`, queued, jenkinsDefinitions(declared...), builds))
	}
	recent := fmt.Sprintf(`{"number": 44, "queueId": 7, "timestamp": %d, `, testStarted.UnixMilli())
	old := fmt.Sprintf(`{"number": 43, "queueId": 6, "timestamp": %d}`, testStarted.Add(-time.Hour).UnixMilli())
	many := recent + parameters(otherRun) + "}"
	for range jenkinsBuilds - 1 {
		many += "," + recent + parameters(otherRun) + "}"
	}
	for _, test := range []struct {
		name      string
		queue     http.HandlerFunc
		job       http.HandlerFunc
		age       time.Duration
		found     string
		uncertain bool
		later     bool
	}{
		{"it in the queue", says(200, `{"items": [{"id": 123, `+parameters(testRun)+`}]}`), nil, 0, "queue/123", false, false},
		{"it among the builds", empty, job(false, recent+parameters(testRun)+"}"), 0, "build/44", false, false},
		{"another's only", empty, job(false, recent+parameters(otherRun)+"}", deployVariable), time.Hour, "", false, false},
		{"nothing yet", empty, job(false, "", deployVariable), time.Minute, "", false, true},
		{"no parameter that tells", empty, job(false, recent+`"actions": []}`), time.Hour, "", true, false},
		{"something in the queue", empty, job(true, old), time.Hour, "", true, false},
		{"no build since", empty, job(false, old), time.Hour, "", false, false},
		{"too many to tell", empty, job(false, many, deployVariable), time.Hour, "", true, false},
		{"a server that fails", empty, says(503, ""), time.Hour, "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t).on(jenkinsQueue, test.queue)
			if test.job != nil {
				f.on(jenkinsJobAsk, test.job)
			}
			j := testJenkins(f.URL)
			j.Now = func() time.Time { return testStarted.Add(test.age) }
			ref, ok, err := j.Find(t.Context(), remoteJob(t))
			require.Equal(t, test.found != "", ok)
			require.Equal(t, test.found, ref.ID)
			require.Equal(t, test.uncertain, errors.Is(err, ErrUncertain), "%v", err)
			require.Equal(t, test.uncertain || test.later, err != nil, "%v", err)
		})
	}
}

// jenkinsConsole is a console that says piece bytes at a time.
func jenkinsConsole(all string, piece int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var start int
		fmt.Sscan(r.URL.Query().Get("start"), &start)
		end := min(start+piece, len(all))
		w.Header().Set("X-Text-Size", fmt.Sprint(end))
		if end < len(all) {
			w.Header().Set("X-More-Data", "true")
		}
		fmt.Fprint(w, all[start:end])
	}
}

func TestJenkinsFollows(t *testing.T) {
	w := &waits{}
	all := "Started\nusing " + testToken + "\nFinished: SUCCESS\n"
	f := newFake(t).
		on(jenkinsItemAsk, says(200, `{"why": "Waiting for next available executor"}`), says(429, "", "Retry-After", "20"),
			says(200, `{"executable": {"number": 45}}`), says(404, "")).
		on(jenkinsAsk, says(200, `{"building": true, "result": null}`), says(200, `{"building": true, "result": null}`), says(502, "<html>"), says(200, `{"building": false, "result": "SUCCESS"}`)).
		on(jenkinsText, jenkinsConsole(all, 12))
	j := testJenkins(f.URL)
	j.Remote = w.remote()
	job := began(remoteJob(t), "queue/123")
	_, err := j.Follow(t.Context(), job)
	require.ErrorContains(t, err, "502")
	require.Equal(t, []time.Duration{DefaultInterval, 20 * time.Second, DefaultInterval, DefaultInterval}, w.d)

	outcome, err := testJenkins(f.URL).Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "the build ended as success"}, outcome)
	require.Regexp(t, `^In the queue: Waiting for next available executor\n`+f.URL+jenkinsJobPath+`/45/\nStarted\nusing `, logged(t, job))
	require.Equal(t, int64(len(all)), recall(job.Folder).Offset)
	require.Contains(t, logged(t, job), "\nFinished: SUCCESS\n")
}

func TestJenkinsEnds(t *testing.T) {
	for result, want := range map[string]annotate.Status{
		"SUCCESS": annotate.Succeeded, "FAILURE": annotate.Failed, "UNSTABLE": annotate.Failed, "NOT_BUILT": annotate.Failed, "ABORTED": annotate.Cancelled,
	} {
		require.Equal(t, want, jenkinsOutcome(result).Status)
	}
	f := newFake(t).on(jenkinsItemAsk, says(200, `{"cancelled": true}`))
	outcome, err := testJenkins(f.URL).Follow(t.Context(), began(remoteJob(t), "queue/123"))
	require.NoError(t, err)
	require.Equal(t, annotate.Cancelled, outcome.Status)
}

func TestJenkinsForgetsItsQueue(t *testing.T) {
	f := newFake(t).
		on(jenkinsJobAsk, says(200, `{"builds": [{"number": 46, "queueId": 124}, {"number": 45, "queueId": 123}]}`)).
		on(jenkinsAsk, says(200, `{"building": false, "result": "FAILURE"}`)).
		on(jenkinsText, jenkinsConsole("no\n", 9))
	outcome, err := testJenkins(f.URL).Follow(t.Context(), began(remoteJob(t), "queue/123"))
	require.NoError(t, err)
	require.Equal(t, annotate.Failed, outcome.Status)

	f = newFake(t).on(jenkinsJobAsk, says(200, `{"builds": []}`))
	for _, id := range []string{"queue/123", "build/45"} {
		outcome, err = testJenkins(f.URL).Follow(t.Context(), began(remoteJob(t), id))
		require.NoError(t, err)
		require.Equal(t, annotate.Lost, outcome.Status)
	}
	f = newFake(t)
	_, err = testJenkins(f.URL).Follow(t.Context(), began(remoteJob(t), "build/45"))
	require.ErrorContains(t, err, "nor can be seen")
	for _, id := range []string{"", "45", "queue/x", "build/-1"} {
		_, err = testJenkins(f.URL).Follow(t.Context(), began(remoteJob(t), id))
		require.ErrorContains(t, err, "neither queue/NUMBER nor build/NUMBER")
	}
}

func TestJenkinsCancels(t *testing.T) {
	const unqueue, stop = "POST /ci/queue/cancelItem", "POST " + jenkinsJobPath + "/45/stop"
	waiting, cancelled, running := says(200, `{"why": "busy"}`), says(200, `{"cancelled": true}`), says(200, `{"executable": {"number": 45}}`)
	for _, test := range []struct {
		name     string
		id       string
		item     []http.HandlerFunc
		unqueued int
		stopped  int
		err      string
	}{
		{"in the queue", "queue/123", []http.HandlerFunc{waiting, cancelled}, 1, 0, ""},
		{"it starts meanwhile", "queue/123", []http.HandlerFunc{waiting, running}, 1, 1, ""},
		{"it runs", "queue/123", []http.HandlerFunc{running}, 0, 1, ""},
		{"it was cancelled", "queue/123", []http.HandlerFunc{cancelled}, 0, 0, ""},
		{"it is gone", "queue/123", []http.HandlerFunc{says(404, "")}, 0, 0, ""},
		{"a build", "build/45", nil, 0, 1, ""},
		{"it stays", "queue/123", []http.HandlerFunc{waiting}, 3, 0, "in the queue still"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t).on(unqueue, says(404, "")).on(stop, says(302, "", "Location", "/"))
			if len(test.item) > 0 {
				f.on(jenkinsItemAsk, test.item...)
			}
			err := testJenkins(f.URL).Cancel(t.Context(), began(remoteJob(t), test.id))
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			_, unqueued := f.posted(unqueue + "?id=123")
			_, stopped := f.posted(stop)
			require.Equal(t, []int{test.unqueued, test.stopped}, []int{unqueued, stopped})
		})
	}
	f := newFake(t).on(stop, says(403, "", "X-Error", "no Job/Cancel"))
	require.ErrorContains(t, testJenkins(f.URL).Cancel(t.Context(), began(remoteJob(t), "build/45")), "no Job/Cancel")
}

func FuzzQueueItem(f *testing.F) {
	f.Add("http://jenkins/queue/item/123/")
	f.Add("/queue/item/999999999999999999999")
	f.Fuzz(func(t *testing.T, location string) {
		if number, ok := queueItem(location); ok {
			require.Positive(t, number)
		}
	})
}

func TestJenkinsLeavesTheBuildsOfAnotherJobAlone(t *testing.T) {
	f := newFake(t)
	j := testJenkins(f.URL)
	job := remoteJob(t)
	job.Ref = deploy.Ref{ID: "build/7", URL: f.URL + "/job/other/7/"}
	_, err := j.Follow(t.Context(), job)
	require.ErrorContains(t, err, "put that back")
	require.ErrorContains(t, j.Cancel(t.Context(), job), "put that back")
}
