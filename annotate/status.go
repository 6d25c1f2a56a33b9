package annotate

// Status is how far a change has come.
type Status string

// The statuses a change can have.
const (
	// Planned is announced, and not begun.
	Planned Status = "planned"
	// Running has begun and not ended.
	Running Status = "running"
	// Succeeded ended as it was meant to.
	Succeeded Status = "succeeded"
	// Failed ended, and not as it was meant to.
	Failed Status = "failed"
	// Cancelled was given up before it ended.
	Cancelled Status = "cancelled"
	// Lost began, and nobody reported its end.
	Lost Status = "lost"
)

// Statuses lists every status, in the order in which a change may pass them.
func Statuses() []Status {
	return []Status{Planned, Running, Succeeded, Failed, Cancelled, Lost}
}

// Ended reports whether a change with status s is over.
func (s Status) Ended() bool {
	return s == Succeeded || s == Failed || s == Cancelled || s == Lost
}

// The kinds that Tidemark itself knows. A sender may use a word of its own.
const (
	KindDeploy      = "deploy"
	KindFlag        = "flag"
	KindConfig      = "config"
	KindIncident    = "incident"
	KindMaintenance = "maintenance"
	KindDrill       = "drill"
	KindRestart     = "restart"
)
