package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A benchDoc is what bench answers. SPEC(CLI-68)
type benchDoc struct {
	Format      int                     `json:"format"`
	Interrupted bool                    `json:"interrupted"`
	Machine     benchMachine            `json:"machine"`
	Programs    map[string]benchProgram `json:"programs"`
	Settings    benchSettings           `json:"settings"`
	Runs        []benchRunDoc           `json:"runs"`
	Nodes       []benchNodeDoc          `json:"nodes"`
	Check       benchCheck              `json:"check"`
	Directory   string                  `json:"directory,omitempty"` // where the homes are kept
}

// benchSettings repeat what was asked for.
type benchSettings struct {
	Validators      int     `json:"validators"` // that were run; 0: none
	RecordBytes     float64 `json:"record_bytes"`
	EntropyBytes    int     `json:"entropy_bytes"`
	Batch           int     `json:"batch"`
	Streams         int     `json:"streams"`
	DurationSeconds float64 `json:"duration_seconds"`
	WarmUpSeconds   float64 `json:"warm_up_seconds"`
	Seed            int     `json:"seed"`
	FileSystem      string  `json:"file_system,omitempty"`
}

func (f *benchFlags) settings(records *benchRecords) benchSettings {
	s := benchSettings{
		Validators: f.validators, RecordBytes: records.mean, EntropyBytes: f.entropy, Batch: f.batch, Streams: f.streams,
		DurationSeconds: f.duration.Seconds(), WarmUpSeconds: f.warmUp.Seconds(), Seed: f.seed,
	}
	if len(f.nodes) > 0 {
		s.Validators = 0
	}
	return s
}

// A benchRunDoc is what one load came to, in the measured time.
type benchRunDoc struct {
	Loop               string           `json:"loop"`                // open or closed
	Rate               float64          `json:"rate,omitempty"`      // records a second that fell due
	InFlight           int              `json:"in_flight,omitempty"` // statements, in a closed loop
	Seconds            float64          `json:"seconds"`
	Statements         int64            `json:"statements"` // committed
	Records            int64            `json:"records"`
	RecordsPerSecond   float64          `json:"records_per_second"`
	MegabytesPerSecond float64          `json:"megabytes_per_second"` // of records, 10^6 bytes
	SentBytesPerRecord float64          `json:"sent_bytes_per_record"`
	Latency            benchLatency     `json:"latency_ms"`
	Unfinished         int64            `json:"unfinished_statements"`
	Prepared           int64            `json:"prepared_statements"`
	SignedLate         int64            `json:"signed_while_running"`
	Errors             map[string]int64 `json:"errors"`
	Refused            []string         `json:"refused,omitempty"`
	Driver             benchCPU         `json:"driver_cpu"`
	Nodes              []benchNodeUse   `json:"nodes"`
}

// benchLatency is the time from due to acknowledged, in milliseconds.
type benchLatency struct {
	Statements int64   `json:"statements"`
	P50        float64 `json:"p50"`
	P90        float64 `json:"p90"`
	P99        float64 `json:"p99"`
	Max        float64 `json:"max"`
}

// benchCPU is processor time, also for a million committed records.
type benchCPU struct {
	Seconds    float64 `json:"seconds"`
	PerMillion float64 `json:"seconds_per_million_records"`
}

// A benchNodeUse is what a node used in the measured time.
type benchNodeUse struct {
	Name     string   `json:"name"`
	CPU      benchCPU `json:"cpu"`
	Resident int64    `json:"resident_peak_bytes"`
	Private  int64    `json:"anonymous_peak_bytes"`
}

// A benchNodeDoc is a node, as it was at the end.
type benchNodeDoc struct {
	Name         string      `json:"name"`
	URL          string      `json:"url"`
	Height       int64       `json:"height"`
	LogSize      int64       `json:"log_size"`
	AppHash      string      `json:"app_hash"`
	PeakResident int64       `json:"resident_peak_bytes,omitempty"` // since it was started
	Index        *benchIndex `json:"index,omitempty"`
	Disk         *benchDisk  `json:"disk,omitempty"`
}

// A benchIndex says how the index of records, which a node makes beside all else,
// has kept up.
type benchIndex struct {
	AtEnd    int64   `json:"entries_at_end"` // of the log, indexed when the load was over
	Behind   float64 `json:"seconds_behind"` // until all were
	Complete bool    `json:"complete"`       // all were, before the disk was looked at
}

// A benchDisk is what a node's files take on disk, in bytes.
type benchDisk struct {
	Ledger    int64           `json:"ledger_bytes"`
	Engine    int64           `json:"engine_bytes"`
	WAL       int64           `json:"wal_bytes"` // of consensus: its newest messages
	Index     int64           `json:"index_bytes"`
	Total     int64           `json:"total_bytes"` // with all else in the home
	PerRecord *benchPerRecord `json:"bytes_per_record,omitempty"`
}

// A benchPerRecord is that for each record of the ledger.
type benchPerRecord struct {
	Ledger float64 `json:"ledger"`
	Engine float64 `json:"engine"`
	WAL    float64 `json:"wal"`
	Index  float64 `json:"index"`
	Total  float64 `json:"total"`
}

// writeBench answers people.
func writeBench(w io.Writer, d *benchDoc) error {
	if err := facts(w, d.about()...); err != nil {
		return err
	}
	for i := range d.Runs {
		fmt.Fprintln(w)
		if err := d.Runs[i].write(w, d.Settings.WarmUpSeconds); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	d.nodeGrid().write(w)
	fmt.Fprintln(w)
	return d.Check.write(w, d.Interrupted)
}

// about says what was measured, and where.
func (d *benchDoc) about() []fact {
	m, s := &d.Machine, &d.Settings
	system := fmt.Sprintf("%s/%s %s, %s, %s memory, load %.2f before", m.OS, m.Arch, m.Kernel, plural(int64(m.Cores), "core"), megabytes(m.Memory), m.Load)
	lines := []fact{
		{"machine", system}, {"processor", m.Processor}, {"file system", s.FileSystem},
	}
	for _, name := range slices.Sorted(maps.Keys(d.Programs)) {
		p := d.Programs[name]
		text := p.Version + ", " + p.Go
		if p.Commit != "" {
			text += ", commit " + p.Commit
		}
		if p.Modified {
			text += " and changes"
		}
		lines = append(lines, fact{name, text + ", SHA-256 " + p.SHA256[:min(16, len(p.SHA256))]})
	}
	whose := fmt.Sprintf("%s, a process each on this machine", plural(int64(s.Validators), "validator"))
	if s.Validators == 0 {
		whose = plural(int64(len(d.Nodes)), "node") + " that ran already"
	}
	return append(lines,
		fact{"ledger", whose},
		fact{"records", fmt.Sprintf("%.0f bytes, %d of them random; seed %d", s.RecordBytes, s.EntropyBytes, s.Seed)},
		fact{"statements", fmt.Sprintf("%s each, in %s", plural(int64(s.Batch), "record"), plural(int64(s.Streams), "stream"))},
		fact{"homes", d.Directory},
	)
}

func (r *benchRunDoc) write(w io.Writer, warmUp float64) error {
	load := fmt.Sprintf("closed loop, %s in flight", plural(int64(r.InFlight), "statement"))
	if r.Loop == "open" {
		load = fmt.Sprintf("open loop, %s records/s fall due", thousands(int64(r.Rate)))
	}
	errors := "none"
	if len(r.Errors) > 0 {
		var parts []string
		for _, code := range slices.Sorted(maps.Keys(r.Errors)) {
			parts = append(parts, code+" "+thousands(r.Errors[code]))
		}
		errors = strings.Join(parts, ", ") + "; each was tried again"
	}
	unfinished := ""
	if r.Unfinished > 0 {
		unfinished = plural(r.Unfinished, "statement") + ", counted in the latency as if committed at the end"
	}
	late := ""
	if r.SignedLate > 0 {
		late = plural(r.SignedLate, "statement") + ", which took processor time of this machine"
	}
	l := &r.Latency
	return facts(w,
		fact{"load", fmt.Sprintf("%s; %.1f s measured after %.1f s of warm-up", load, r.Seconds, warmUp)},
		fact{"committed", fmt.Sprintf("%s records/s, %.1f MB/s (%s records in %s)", thousands(int64(r.RecordsPerSecond)), r.MegabytesPerSecond, thousands(r.Records), plural(r.Statements, "statement"))},
		fact{"sent", fmt.Sprintf("%.1f bytes a record, compressed", r.SentBytesPerRecord)},
		fact{"latency", fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s (%s)", millis(l.P50), millis(l.P90), millis(l.P99), millis(l.Max), plural(l.Statements, "statement"))},
		fact{"unfinished", unfinished},
		fact{"signed meanwhile", late},
		fact{"errors", errors},
		fact{"refused", strings.Join(r.Refused, "; ")},
		fact{"driver", fmt.Sprintf("%.1f s of CPU, %.2f s a million records", r.Driver.Seconds, r.Driver.PerMillion)},
		fact{"nodes", r.nodesText()},
	)
}

// nodesText says what each node used, in one line.
func (r *benchRunDoc) nodesText() string {
	var parts []string
	for _, n := range r.Nodes {
		parts = append(parts, fmt.Sprintf("%s %.1f s of CPU, %.2f s a million records, %s resident, %s anonymous", n.Name, n.CPU.Seconds, n.CPU.PerMillion, megabytes(n.Resident), megabytes(n.Private)))
	}
	return strings.Join(parts, "; ")
}

func (d *benchDoc) nodeGrid() *grid {
	g := &grid{header: []string{"node", "app hash", "log size", "height", "peak memory", "ledger B/record", "engine", "WAL", "index", "all", "index behind"}, right: 2}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		row := []string{n.Name, n.AppHash[:min(16, len(n.AppHash))], thousands(n.LogSize), thousands(n.Height), "", "", "", "", "", "", ""}
		if n.PeakResident > 0 {
			row[4] = megabytes(n.PeakResident)
		}
		if n.Disk != nil && n.Disk.PerRecord != nil {
			p := n.Disk.PerRecord
			for k, v := range []float64{p.Ledger, p.Engine, p.WAL, p.Index, p.Total} {
				row[5+k] = fmt.Sprintf("%.1f", v)
			}
		}
		if n.Index != nil {
			row[10] = fmt.Sprintf("%.1f s", n.Index.Behind)
			if !n.Index.Complete {
				row[10] = "incomplete"
			}
		}
		g.rows = append(g.rows, row)
	}
	if d.Settings.Validators == 0 { // of nodes that are not ours no more is known
		g.header = g.header[:4]
		for i := range g.rows {
			g.rows[i] = g.rows[i][:4]
		}
	}
	return g
}

func (c *benchCheck) write(w io.Writer, interrupted bool) error {
	verdict := "all that was acknowledged is on the ledger, and the nodes agree"
	switch {
	case len(c.Problems) > 0:
		verdict = "DOES NOT HOLD: " + strings.Join(c.Problems, "; ")
	case len(c.Unchecked) > 0:
		verdict = "COULD NOT CHECK: " + strings.Join(c.Unchecked, "; ")
	}
	stopped := ""
	if interrupted {
		stopped = "before the end; the figures are of what was measured until then"
	}
	return facts(w,
		fact{"acknowledged", plural(c.Acknowledged, "statement") + ", warm-up included"},
		fact{"unresolved", plural(c.Unresolved, "statement")},
		fact{"on the ledger", fmt.Sprintf("%s with %s; its totals count %s", plural(c.LedgerEntries, "statement"), plural(c.LedgerRecords, "record"), thousands(c.FlowRecords))},
		fact{"check", verdict},
		fact{"interrupted", stopped},
	)
}

func megabytes(bytes int64) string { return thousands(bytes/1e6) + " MB" }

func millis(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%.2f s", ms/1000)
	}
	return fmt.Sprintf("%.1f ms", ms)
}
