package work_test

import (
	"context"
	"testing"
	"time"

	"switchboard"
	"switchboard/work"
)

// exits records what the process would exit with.
type exits struct{ codes chan int }

func newExits() exits { return exits{make(chan int, 8)} }

func (e exits) exit(code int) { e.codes <- code }

func (e exits) wait(t *testing.T) {
	t.Helper()
	select {
	case code := <-e.codes:
		if code != work.ExitTakenOver {
			t.Errorf("exit code %d, want %d", code, work.ExitTakenOver)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the process whose job was taken over lives on")
	}
}

// frozen is a client whose only step stands still until thaw is closed.
func frozen(t *testing.T, db *database, then func(ctx context.Context, key switchboard.Key) (work.Outcome, error)) (exited exits, entered chan struct{}, thaw chan struct{}) {
	t.Helper()
	exited, entered, thaw = newExits(), make(chan struct{}, 8), make(chan struct{})
	queue := db.itemQueue("slow", 1)
	queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
		entered <- struct{}{}
		<-thaw
		return then(ctx, key)
	}
	config := db.config(t, queue)
	config.Exit = exited.exit
	client := start(t, config)
	db.mustAdd(t, client, key("slow", 1), 1)
	<-entered
	return exited, entered, thaw
}

// takeOver does to the only job what another node's fetch would.
func (db *database) takeOver(t *testing.T) {
	t.Helper()
	statement := `UPDATE river_job SET attempted_at = now() + interval '1 second', attempted_by = array_append(attempted_by, 'node-b') WHERE state = 'running'`
	if db.pools.SQLite != nil {
		statement = `UPDATE river_job SET attempted_at = datetime('now', 'subsec', '+1 second'), attempted_by = jsonb_insert(attempted_by, '$[#]', 'node-b') WHERE state = 'running'`
	}
	if n := db.mustExec(t, statement); n != 1 {
		t.Fatalf("took over %d jobs, want 1", n)
	}
}

// R3: the late end of a frozen drain is refused, and its process ends.
func TestADrainThatWasTakenOverCommitsNothingAndEndsTheProcess(t *testing.T) {
	ways := map[string]func(ctx context.Context, key switchboard.Key) (work.Outcome, error){
		"when it is idle": func(context.Context, switchboard.Key) (work.Outcome, error) { return work.Idle, nil },
		"when it waits": func(context.Context, switchboard.Key) (work.Outcome, error) {
			return work.Wait(time.Minute), nil
		},
		"when it failed": func(context.Context, switchboard.Key) (work.Outcome, error) {
			return work.Idle, context.DeadlineExceeded
		},
	}
	for name, then := range ways {
		t.Run(name, func(t *testing.T) {
			onBothEngines(t, func(t *testing.T, db *database) {
				exited, _, thaw := frozen(t, db, then)
				db.takeOver(t)
				close(thaw)
				exited.wait(t)
				if n := db.count(t, `SELECT count(*) FROM river_job WHERE state = 'running'`); n != 1 {
					t.Errorf("%d jobs run after the late end, want the new owner's", n)
				}
				if n := db.count(t, `SELECT count(*) FROM river_job`); n != 1 {
					t.Errorf("%d jobs, want 1", n)
				}
			})
		})
	}
}

func TestTheFenceSeesAnOwnerThatIsTheSameNodeAgain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		exited, _, thaw := frozen(t, db, func(context.Context, switchboard.Key) (work.Outcome, error) { return work.Idle, nil })
		statement := `UPDATE river_job SET attempted_at = attempted_at + interval '1 millisecond'`
		if db.pools.SQLite != nil {
			statement = `UPDATE river_job SET attempted_at = strftime('%Y-%m-%d %H:%M:%f', attempted_at, '+0.001 seconds')`
		}
		db.mustExec(t, statement)
		close(thaw)
		exited.wait(t)
	})
}

func TestAStepThatChecksWritesNothingAfterATakeOver(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		exited, _, thaw := frozen(t, db, db.step)
		db.takeOver(t)
		close(thaw)
		exited.wait(t)
		if n := db.count(t, `SELECT count(*) FROM item WHERE done_at IS NOT NULL`); n != 0 {
			t.Errorf("the step of the old owner did %d items", n)
		}
	})
}

func TestADeadNodesRunningJobIsFreedAndDoneByAnother(t *testing.T) {
	db := newPostgres(t)
	thawed := make(chan struct{})
	t.Cleanup(func() { close(thawed) })
	entered := make(chan struct{}, 1)
	slow := db.itemQueue("slow", 1)
	slow.Step = func(context.Context, switchboard.Key) (work.Outcome, error) {
		entered <- struct{}{}
		<-thawed
		return work.Idle, nil
	}
	died := db.config(t, slow)
	died.Node, died.Leases = "dead", mute{db}
	died.Exit = func(int) {}
	dying, err := work.New(died)
	if err != nil {
		t.Fatal(err)
	}
	if err := dying.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = dying.Stop(ctx) // it ends by force
	})
	db.mustAdd(t, dying, key("slow", 1), 1)
	<-entered
	living := db.config(t, db.itemQueue("slow", 1))
	living.NodeTTL = time.Second
	start(t, living)
	db.waitDone(t)
	if n := db.count(t, `SELECT count(*) FROM node WHERE id = 'dead'`); n != 0 {
		t.Error("the dead node is still listed")
	}
}

// mute are leases of a node that stops renewing at once.
type mute struct{ *database }

func (m mute) Renew(ctx context.Context, node string, _ time.Duration) error {
	return m.database.Renew(ctx, node, 50*time.Millisecond)
}

// After an outage every lease is over, one's own too.
func TestANodeDoesNotFreeItsOwnJobsWhenItsLeaseHasEnded(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		entered, leave := make(chan struct{}, 8), make(chan struct{})
		queue := db.itemQueue("own", 1)
		queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
			entered <- struct{}{}
			<-leave
			return db.step(ctx, key)
		}
		config := db.config(t, queue) // its Exit fails the test
		config.NodeTTL, config.Leases = 300*time.Millisecond, mute{db}
		client := start(t, config)
		db.mustAdd(t, client, key("own", 1), 1)
		<-entered
		time.Sleep(4 * config.NodeTTL) // several rounds of the housekeeper
		if n := db.count(t, `SELECT count(*) FROM river_job WHERE state = 'running'`); n != 1 {
			t.Errorf("%d jobs run, want the one under way", n)
		}
		close(leave)
		db.waitDone(t)
	})
}

func TestANodeThatWasCutOffJudgesNobodyAtOnce(t *testing.T) {
	db := newPostgres(t)
	config := db.config(t, db.itemQueue("cut", 1))
	config.NodeTTL = 2 * time.Second
	start(t, config)
	db.mustExec(t, `INSERT INTO node (id, expires_at) VALUES ('other', 0)`)
	time.Sleep(config.NodeTTL / 2)
	if n := db.count(t, `SELECT count(*) FROM node WHERE id = 'other'`); n != 1 {
		t.Error("a node that has just come up declared another dead")
	}
	eventually(t, 3*config.NodeTTL, "the dead node is found", func() bool {
		return db.count(t, `SELECT count(*) FROM node WHERE id = 'other'`) == 0
	})
}

func TestAProcessThatStartsFreesWhatItsForerunnerLeft(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		client, err := work.New(db.config(t, db.itemQueue("left", 1)))
		if err != nil {
			t.Fatal(err)
		}
		db.mustAdd(t, client, key("left", 1), 1)
		statement := `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{node-a}'`
		if db.pools.SQLite != nil {
			statement = `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = datetime('now', 'subsec'), attempted_by = jsonb('["another"]')`
		}
		db.mustExec(t, statement)
		if err := client.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(t, client) })
		db.waitDone(t)
	})
}
