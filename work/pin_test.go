package work_test

import (
	"bufio"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"switchboard"
	"switchboard/work"
)

// Our statements read and write River's tables, so another version of River is taken
// on only after reading its changes to what doc.go lists, and after the race, fence and
// dead-node tests. This test is then changed by hand.
func TestRiverIsTheVersionThatTheseStatementsWereWrittenFor(t *testing.T) {
	const want = "v0.49.0"
	found := map[string]string{}
	file, err := os.Open("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && strings.HasPrefix(fields[0], "github.com/riverqueue/river") {
			found[fields[0]] = fields[1]
		}
	}
	wanted := map[string]string{}
	for _, module := range []string{"", "/riverdriver", "/riverdriver/riverpgxv5", "/riverdriver/riversqlite", "/rivershared", "/rivertype"} {
		wanted["github.com/riverqueue/river"+module] = want
	}
	if diff := cmp.Diff(wanted, found); diff != "" {
		t.Errorf("River's modules (-want +got):\n%s", diff)
	}
}

func TestRiversStatesAreThoseThatTheseStatementsName(t *testing.T) {
	want := []rivertype.JobState{"available", "cancelled", "completed", "discarded", "pending", "retryable", "running", "scheduled"}
	got := slices.Sorted(slices.Values(rivertype.JobStates()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("River's states (-want +got):\n%s", diff)
	}
}

func TestRiversTableHasTheColumnsAndIndexesThatTheseStatementsUse(t *testing.T) {
	columns := []string{"args", "attempt", "attempted_at", "attempted_by", "created_at", "errors", "finalized_at", "id", "kind",
		"max_attempts", "metadata", "priority", "queue", "scheduled_at", "state", "tags", "unique_key", "unique_states"}
	t.Run("SQLite", func(t *testing.T) {
		db := newSQLite(t)
		diffLists(t, columns, db.list(t, `SELECT name FROM pragma_table_info('river_job') ORDER BY name`))
		diffLists(t, []string{"river_job_kind", "river_job_prioritized_fetching_index", "river_job_state_and_finalized_at_index", "river_job_unique_idx"},
			db.list(t, `SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'river_job' AND sql IS NOT NULL ORDER BY name`))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		db := newPostgres(t)
		diffLists(t, columns, db.list(t, `SELECT column_name::text FROM information_schema.columns WHERE table_name = 'river_job' ORDER BY 1`))
		diffLists(t, []string{"timestamp with time zone"},
			db.list(t, `SELECT data_type::text FROM information_schema.columns WHERE table_name = 'river_job' AND column_name = 'attempted_at'`))
		diffLists(t, []string{"river_job_args_index", "river_job_kind", "river_job_metadata_index", "river_job_pkey", "river_job_prioritized_fetching_index", "river_job_state_and_finalized_at_index", "river_job_unique_idx"},
			db.list(t, `SELECT indexname::text FROM pg_indexes WHERE tablename = 'river_job' ORDER BY 1`))
	})
}

func diffLists(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// list gives the first column of a query.
func (db *database) list(t *testing.T, query string) []string {
	t.Helper()
	var found []string
	if db.pools.Postgres != nil {
		rows, err := db.pools.Postgres.Query(t.Context(), query)
		if err == nil {
			found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	rows, err := db.pools.SQLite.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

// News of an insert reach River without a poll: by NOTIFY, or in memory on SQLite, where
// our listener stands in for River's.
func TestAJobStartsWithoutWaitingForThePoll(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		config := db.config(t, db.itemQueue("prompt", 1))
		config.PollEvery = time.Hour
		client := start(t, config)
		eventually(t, 10*time.Second, "the first job", func() bool { // until River listens
			db.mustAdd(t, client, key("prompt", 0), int(time.Now().UnixNano()))
			return db.count(t, `SELECT count(*) FROM item WHERE done_at IS NOT NULL`) > 0
		})
		db.waitDone(t)
		for n := range 20 {
			began := time.Now()
			db.mustAdd(t, client, key("prompt", 1), n)
			db.waitDone(t)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("item %d was done after %v", n, took)
			}
		}
	})
}

func TestMigratingTwiceAtOnceDoesNoHarm(t *testing.T) {
	db := newPostgres(t)
	failed := make(chan error, 4)
	for range 4 {
		go func() { failed <- work.Migrate(context.Background(), db.pools) }()
	}
	for range 4 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

var _ work.Store = (*database)(nil)
var _ switchboard.Tx = testTx{}
