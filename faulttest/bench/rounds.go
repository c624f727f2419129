package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// rig is the limit and the product side by side on one engine.
type rig struct {
	engine        string
	database      int // process id of the database server, 0 for SQLite
	limit         *server
	limitDatabase string
	product       *product
	limitLive     *stream
	productLive   *stream
	starts        []float64 // milliseconds to the first answer
	memoryStart   float64   // MiB
	memoryLoaded  float64
}

// clientsOfRig is how many known clients write: each may send as fast as the product's
// limit per visitor lets him (20 at once, then one a second).
const clientsOfRig = 2000

// warmUp goes before each stretch and does not count.
const warmUp = 300 * time.Millisecond

// sample is one stretch with the CPU it took.
type sample struct {
	load
	Own, Database float64 // CPU milliseconds per message
}

func (s sample) cpu() float64 { return s.Own + s.Database }

// variant names what is loaded.
type variant string

const (
	plainLimit variant = "limit, one statement"
	batchLimit variant = "limit, natural batch"
	theProduct variant = "product"
)

type samples map[variant]map[int][]sample

var sendersOfRounds = []int{1, 8, 32}

// newRig prepares both on databases of their own and starts them.
func newRig(ctx context.Context, engine, binary, dir string, databases func(name string) (string, error), crm *standIn) (*rig, error) {
	limitDB, err := databases("limit")
	if err != nil {
		return nil, err
	}
	productDB, err := databases("product")
	if err != nil {
		return nil, err
	}
	r := &rig{engine: engine, limitDatabase: limitDB, product: &product{binary: binary, dir: filepath.Join(dir, engine), database: productDB}}
	if engine == "postgres" {
		r.database = serverPID(ctx, productDB)
	}
	if err := r.product.prepare(ctx, clientsOfRig, crm); err != nil {
		return nil, err
	}
	if r.limit, err = startLimit(ctx, limitDB); err != nil {
		return nil, err
	}
	if err := r.startOften(ctx); err != nil {
		return r, err
	}
	if err := r.product.connect(ctx, crm); err != nil {
		return r, err
	}
	if err := r.settle(ctx); err != nil {
		return r, err
	}
	if r.productLive, err = r.product.live(ctx, r.product.manager); err != nil {
		return r, err
	}
	r.limitLive, err = openStream(ctx, func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.limit.addr+"/live", http.NoBody)
	})
	return r, err
}

// settle brings both to the state of a server that has run for a minute: every table
// has rows, and PostgreSQL knows about how many.
func (r *rig) settle(ctx context.Context) error {
	for _, to := range []*target{limitTarget(r.limit, "plain", clientsOfRig, nil), r.product.target(nil)} {
		if _, err := send(ctx, to, 8, time.Second, 99); err != nil {
			return err
		}
	}
	r.awaitIdle()
	if r.database == 0 {
		return nil
	}
	for _, database := range []string{r.limitDatabase, r.product.database} {
		if err := execute(ctx, database, "ANALYZE"); err != nil {
			return fmt.Errorf("analyze: %w", err)
		}
	}
	return nil
}

// awaitIdle waits, half a minute at most, until the product is through with the CRM's
// first poll and with what follows messages.
func (r *rig) awaitIdle() {
	const idle = 0.08 // of a core
	pid := r.product.server.pid()
	for range 30 {
		before := cpuOf(pid)
		time.Sleep(time.Second)
		if cpuOf(pid)-before < idle {
			return
		}
	}
	progress("%s: the product was still busy after 30 s", r.engine)
}

// startOften measures starts on the migrated database; the last one stays.
func (r *rig) startOften(ctx context.Context) error {
	freeze(r.limit.pid())
	defer thaw(r.limit.pid())
	const starts = 5
	for i := range starts {
		took, err := r.product.start(ctx)
		if err != nil {
			return err
		}
		r.starts = append(r.starts, took.Seconds()*1000)
		if i < starts-1 {
			r.product.server.stop()
		}
	}
	time.Sleep(time.Second) // what a start leaves running is part of its memory
	r.memoryStart = memory(r.product.server.pid())
	return nil
}

func (r *rig) stop() {
	if r.limit != nil {
		r.limit.stop()
	}
	if r.product.server != nil {
		r.product.server.stop()
	}
}

// run interleaves limit and product in rounds; the order turns, so that none always
// comes after the same. With only, nothing but the product is loaded, by that many
// senders: for profiles.
func (r *rig) run(ctx context.Context, rounds int, long time.Duration, only string) (samples, error) {
	out := samples{plainLimit: {}, batchLimit: {}, theProduct: {}}
	order := []variant{plainLimit, batchLimit, theProduct}
	for round := range rounds {
		for _, senders := range sendersOfRounds {
			for i := range order {
				v := order[(i+round)%len(order)]
				if only != "" && (v != theProduct || fmt.Sprint(senders) != only) {
					continue
				}
				s, err := r.stretch(ctx, v, senders, long, uint64(round))
				if err != nil {
					return out, err
				}
				out[v][senders] = append(out[v][senders], s)
				progress("%s round %d, %d senders, %s: %s", r.engine, round+1, senders, v, s)
			}
		}
	}
	return out, nil
}

func (s sample) String() string {
	return fmt.Sprintf("%.0f/s, p50 %.2f p99 %.2f, live %.2f %.2f ms, CPU %.3f + %.3f ms, unseen %d failed %d %v", s.rate(), s.Answer.P50*1e3,
		s.Answer.P99*1e3, s.Live.P50*1e3, s.Live.P99*1e3, s.Own, s.Database, s.Unseen, s.Failed, s.FirstErr)
}

// stretch loads one variant while the other process stands still.
func (r *rig) stretch(ctx context.Context, v variant, senders int, long time.Duration, seed uint64) (sample, error) {
	to, on, off := r.pick(v)
	freeze(off)
	thaw(on)
	defer thaw(off)
	if _, err := send(ctx, to, senders, warmUp, seed+1000); err != nil {
		return sample{}, err
	}
	own, database := cpuOf(on), family(r.database)
	l, err := send(ctx, to, senders, long, seed)
	if err != nil || l.Sent == 0 {
		return sample{}, fmt.Errorf("%s: %d sent: %w", v, l.Sent, cmpErr(err, l.FirstErr))
	}
	if v == theProduct {
		r.memoryLoaded = max(r.memoryLoaded, memory(on))
	}
	per := 1000 / float64(l.Sent)
	return sample{load: l, Own: (cpuOf(on) - own) * per, Database: (family(r.database) - database) * per}, nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (r *rig) pick(v variant) (to *target, on, off int) {
	if v == theProduct {
		return r.product.target(r.productLive), r.product.server.pid(), r.limit.pid()
	}
	path := "plain"
	if v == batchLimit {
		path = "batch"
	}
	return limitTarget(r.limit, path, clientsOfRig, r.limitLive), r.limit.pid(), r.product.server.pid()
}
