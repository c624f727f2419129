package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// newClients is how many strangers write, one after another.
const newClients = 5

// sagaCalls are the paths of what a new client needs; polls in between are not his.
func sagaCalls(path string) bool {
	return strings.Contains(path, "/contacts") || strings.Contains(path, "/deals") || strings.Contains(path, "/associations")
}

// benchNewClients measures the CRM calls of a stranger's first message and when the
// first comes after its answer, with the stand-in's polls taken off by medians.
func (r *rig) benchNewClients(ctx context.Context, crm *standIn, rep *report) error {
	thaw(r.product.server.pid())
	freeze(r.limit.pid())
	defer thaw(r.limit.pid())
	if err := r.product.choosePipeline(ctx); err != nil {
		return err
	}
	var calls, firsts []float64
	for i := range newClients {
		before := lastCall(crm)
		at, err := r.product.stranger(ctx, i)
		if err != nil {
			return err
		}
		made, first, err := awaitDeal(ctx, crm, before, at)
		if err != nil {
			return fmt.Errorf("new client %d: %w", i, err)
		}
		calls, firsts = append(calls, made), append(firsts, first)
		progress("%s new client %d: %.0f calls, the first after %.0f ms", r.engine, i+1, made, first)
	}
	rep.add(r.engine+": CRM calls for a new client's contact, deal and owner", true, 4, calls...)
	rep.add(r.engine+": first CRM call after the answer, ms", true, 50, firsts...)
	return nil
}

func lastCall(crm *standIn) int64 {
	all := crm.box.Calls(0)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Seq
}

// awaitDeal waits until a deal was created, and counts the calls up to it.
func awaitDeal(ctx context.Context, crm *standIn, after int64, answered time.Time) (calls, first float64, err error) {
	limit := time.Now().Add(20 * time.Second)
	for time.Now().Before(limit) && ctx.Err() == nil {
		calls, first = 0, 0
		for _, c := range crm.box.Calls(after) {
			if !sagaCalls(c.Path) || strings.HasSuffix(c.Path, "/batch/read") {
				continue
			}
			if calls++; calls == 1 {
				first = c.At.Sub(answered).Seconds() * 1000
			}
			if c.Method == http.MethodPost && c.Ended && (strings.HasSuffix(c.Path, "/deals") || strings.HasSuffix(c.Path, "/deals/batch/upsert")) {
				return calls, max(first, 0), nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0, 0, errors.New("no deal was created within 20 s")
}

// stranger starts a session and writes its first message; it gives the time of the
// answer.
func (p *product) stranger(ctx context.Context, i int) (time.Time, error) {
	address := fmt.Sprintf("10.200.0.%d", i+1)
	var session struct{ Token string }
	phone := fmt.Sprintf("+7912000%04d", time.Now().UnixNano()%10000)
	if err := p.visit(ctx, address, "", "sessions", map[string]string{"name": "Olga", "phone": phone}, &session); err != nil {
		return time.Time{}, err
	}
	err := p.visit(ctx, address, session.Token, "messages", map[string]string{"id": newUUID(), "text": "Hello"}, nil)
	return time.Now(), err
}

func (p *product) visit(ctx context.Context, address, token, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/webchat/v1/"+p.world.channel.Key+"/"+path, strings.NewReader(string(text)))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("X-Forwarded-For", address)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("visit: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("visit %s: %s", path, res.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into) //nolint:wrapcheck // shown as it is
}

// choosePipeline sets the channel's deal target, as an administrator does.
func (p *product) choosePipeline(ctx context.Context) error {
	var settings struct {
		Pipelines []struct {
			ID     string
			Stages []struct {
				ID      string
				Offered *bool
			}
		}
	}
	if err := p.call(ctx, p.admin, http.MethodGet, "/api/app/settings", nil, &settings); err != nil {
		return err
	}
	if len(settings.Pipelines) == 0 || len(settings.Pipelines[0].Stages) == 0 {
		return errors.New("no pipeline came from the stand-in CRM")
	}
	body := map[string]string{"target": "deal", "pipeline": settings.Pipelines[0].ID, "stage": settings.Pipelines[0].Stages[0].ID}
	return p.call(ctx, p.admin, http.MethodPut, "/api/app/channels/"+string(p.world.channel.ID)+"/settings", body, nil)
}
