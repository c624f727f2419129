package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// report gathers what is printed at the end.
type report struct {
	lines   []line
	figures []string
	void    string // why the ratios do not count
}

// line is one figure against its target.
type line struct {
	what, target string
	figures      []float64 // one per round
	atMost       bool      // else at least
	bound        float64
	absolute     string
}

// leastLimit is what the limit must reach at 8 senders on PostgreSQL, messages/s.
const leastLimit = 1850

func (r *report) addRounds(engine string, all samples) {
	for _, v := range []variant{plainLimit, batchLimit, theProduct} {
		for _, n := range sendersOfRounds {
			r.figure("%s\t%s\t%d\t%s", engine, v, n, absolute(all[v][n]))
		}
	}
	if engine == "postgres" {
		if best := slices.Max(each(all[plainLimit][8], sample.rate)); best < leastLimit {
			r.void = fmt.Sprintf("the limit reached %.0f messages/s at 8 senders, not %d: this machine was not quiet or is too slow", best, leastLimit)
		}
	}
	rate, cpu := sample.rate, sample.cpu
	p50 := func(s sample) float64 { return s.Answer.P50 }
	p99 := func(s sample) float64 { return s.Answer.P99 }
	live := func(s sample) float64 { return s.Live.P50 }
	r.ratio(engine, "inbound, 1 sender / one statement", all, 1, plainLimit, rate, false, 0.7)
	r.ratio(engine, "inbound, 8 senders / one statement", all, 8, plainLimit, rate, false, 0.6)
	r.ratio(engine, "inbound, 32 senders / natural batch", all, 32, batchLimit, rate, false, 0.5)
	r.ratio(engine, "CPU per message, 8 senders / one statement", all, 8, plainLimit, cpu, true, 1.6)
	r.ratio(engine, "CPU per message, 32 senders / natural batch", all, 32, batchLimit, cpu, true, 2.2)
	r.ratio(engine, "answer p50, 8 senders / one statement", all, 8, plainLimit, p50, true, 1.8)
	r.ratio(engine, "answer p99, 8 senders / one statement", all, 8, plainLimit, p99, true, 1.7)
	r.ratio(engine, "live p50, 1 sender / one statement", all, 1, plainLimit, live, true, 1.5)
}

func (r *report) ratio(engine, what string, all samples, senders int, to variant, of func(sample) float64, atMost bool, bound float64) {
	l := line{what: engine + ": " + what, atMost: atMost, bound: bound}
	product, limit := all[theProduct][senders], all[to][senders]
	for i := range min(len(product), len(limit)) {
		l.figures = append(l.figures, of(product[i])/of(limit[i]))
	}
	r.lines = append(r.lines, l)
}

func (r *report) addProcess(engine string, g *rig, perConnection float64) {
	r.add(engine+": start, ms to the first answer", true, 100, g.starts...)
	r.add(engine+": memory at start, MiB", true, 40, g.memoryStart)
	r.add(engine+": memory under load, MiB", true, 50, g.memoryLoaded)
	r.add(engine+": memory per live connection, KiB", true, 35, perConnection)
	r.figure("%s\tlive connection asked to load anew\t\t%d times", engine, g.productLive.restarts())
}

// figure adds a line to the absolute figures, columns parted by tabs.
func (r *report) figure(format string, args ...any) {
	r.figures = append(r.figures, fmt.Sprintf(format, args...))
}

func (r *report) add(what string, atMost bool, bound float64, figures ...float64) {
	r.lines = append(r.lines, line{what: what, atMost: atMost, bound: bound, figures: figures})
}

func each(all []sample, of func(sample) float64) []float64 {
	out := make([]float64, len(all))
	for i, s := range all {
		out[i] = of(s)
	}
	return out
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// absolute gives the medians of rounds.
func absolute(all []sample) string {
	m := func(of func(sample) float64) float64 { return median(each(all, of)) }
	unseen, failed := 0, 0
	for _, s := range all {
		unseen, failed = unseen+s.Unseen, failed+s.Failed
	}
	return fmt.Sprintf("%.0f/s\t%.2f / %.2f\t%.2f / %.2f\t%.3f + %.3f\t%d / %d", m(sample.rate),
		m(func(s sample) float64 { return s.Answer.P50 * 1000 }), m(func(s sample) float64 { return s.Answer.P99 * 1000 }),
		m(func(s sample) float64 { return s.Live.P50 * 1000 }), m(func(s sample) float64 { return s.Live.P99 * 1000 }),
		m(func(s sample) float64 { return s.Own }), m(func(s sample) float64 { return s.Database }), failed, unseen)
}

func (l line) reached() bool {
	if l.atMost {
		return median(l.figures) <= l.bound
	}
	return median(l.figures) >= l.bound
}

func (r *report) print(w io.Writer) {
	fmt.Fprintln(w, "\nAbsolute figures, medians of the rounds (they do not travel; ratios do)")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "engine\twhat\tsenders\tmessages\tanswer p50 / p99 ms\tlive p50 / p99 ms\tCPU ms/message, server + database\tfailed / unseen")
	for _, f := range r.figures {
		fmt.Fprintln(t, f)
	}
	_ = t.Flush()
	fmt.Fprintln(w, "\nTo reach: min / median / max of the rounds; the median counts")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range r.lines {
		word, sign := "reached", ">="
		if l.atMost {
			sign = "<="
		}
		if !l.reached() {
			word = "MISSED"
		}
		fmt.Fprintf(t, "%s\t%s %g\t%.2f / %.2f / %.2f\t%s\t%s\n", l.what, sign, l.bound, slices.Min(l.figures), median(l.figures), slices.Max(l.figures), word, l.absolute)
	}
	_ = t.Flush()
	if r.void != "" {
		fmt.Fprintln(w, "\nThe ratios are void:", r.void)
	}
}
