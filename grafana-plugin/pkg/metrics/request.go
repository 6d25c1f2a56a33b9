package metrics

// request is a query with all that was worked out for it.
type request struct {
	query
	timing
	Occasion
	legend legend
}

func newRequest(q query, t timing, o Occasion) request {
	q.Expr = fillMacros(q.Expr, t)
	if o.ByRule {
		q.Format = formatTimeSeries
	}
	return request{query: q, timing: t, Occasion: o, legend: parseLegend(q.LegendFormat, q.Expr)}
}

// executed says what the server was asked.
func (r request) executed() string {
	return "Expr: " + r.Expr + "\nStep: " + r.step.String()
}

// shaperOverTime returns what makes frames of the values at each step.
func (r request) shaperOverTime() shaper {
	switch r.Format {
	case formatTable:
		return newTable(r)
	case formatHeatmap:
		return newRows(r)
	}
	return newOverTime(r)
}

// shaperAtOnce returns what makes frames of the values at one time. Beside a
// graph they are a table: as series they would be taken for more lines.
func (r request) shaperAtOnce() shaper {
	switch {
	case r.Format == formatTable || r.Range && !r.ByRule:
		return newTable(r)
	case r.Format == formatHeatmap:
		return newRows(r)
	}
	return newAtOnce(r)
}
