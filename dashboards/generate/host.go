package main

import "fmt"

const (
	// onDisk selects the filesystems that can fill up.
	onDisk = `fstype!~"tmpfs|ramfs|squashfs|overlay"`
	// wired selects the network devices that lead out of the machine.
	wired = `device!~"lo|ifb.+|veth.+|cali.+"`
)

// hostDashboard is about one machine, from the metrics of node_exporter.
func hostDashboard() *dashboard {
	d := newDashboard("tidemark-host", "Host",
		"One machine: processors, memory, disks, network. The metrics are node_exporter's, scraped by Tidemark in process or from one that runs.",
		"now-6h",
		labelValues("instance", "Host", "The machine, as its target is named.", "instance", "node_uname_info"))

	const on = `instance="$instance"`
	sel := func(format string) string { return fmt.Sprintf(format, on) }

	d.row(3, lastChange("Last change", filter{}))
	d.row(3,
		stat(10, "Up for", "How long the machine has been running.", lasting).
			now("", sel(`time() - node_boot_time_seconds{%s}`)).decimals(0).
			thresholds("orange", at{3600, "text"}),
		stat(11, "CPU busy", "Share of processor time that was not idle.", share).
			now("", cpuBusy(on)).decimals(0).
			thresholds("green", at{0.8, "orange"}, at{0.95, "red"}),
		stat(12, "Load per CPU", "Tasks that run or wait, of the last 5 minutes, for each processor.", count).
			now("", sel(`node_load5{%[1]s} / count by (instance, job) (node_cpu_seconds_total{mode="idle", %[1]s})`)).decimals(2).
			thresholds("green", at{1, "orange"}, at{2, "red"}),
		stat(13, "Memory used", "Share of memory that could not be given to a process.", share).
			now("", memoryUsed(on)).decimals(0).
			thresholds("green", at{0.85, "orange"}, at{0.95, "red"}),
		stat(14, "Fullest disk", "Share of space used on the fullest filesystem.", share).
			now("", "max("+diskUsed(on)+")").decimals(0).
			thresholds("green", at{0.8, "orange"}, at{0.9, "red"}),
		stat(15, "Full in", "When the first filesystem is full, if it goes on as in the last 6 hours. It takes 3 hours to know.", lasting).
			now("", sel(`min(
  (node_filesystem_avail_bytes{`+onDisk+`, %[1]s} > 0)
  / (deriv(node_filesystem_avail_bytes{`+onDisk+`, %[1]s}[6h]) * -1 > 0)
  and node_filesystem_avail_bytes{`+onDisk+`, %[1]s} offset 3h
)`)).decimals(0).
			thresholds("text", at{0, "red"}, at{86400, "orange"}, at{7 * 86400, "green"}).nothing("not foreseeable"),
		stat(16, "Clock off by", "How far the clock is from its time source, as the kernel knows.", seconds).
			now("", sel(`abs(node_timex_offset_seconds{%s})`)).
			thresholds("green", at{0.05, "orange"}, at{0.5, "red"}),
		stat(17, "Killed, 24 h", "Processes that the kernel ended because memory ran out.", count).
			now("", sel(`increase(node_vmstat_oom_kill{%s}[1d])`)).decimals(0).
			thresholds("green", at{1, "red"}),
	)
	d.row(8,
		timeseries(20, "CPU by mode", "What the processors spent their time on, as a share of all of them.", share).
			promql("{{mode}}", sel(`sum by (mode) (rate(node_cpu_seconds_total{mode!="idle", %[1]s}[$__rate_interval])) / ignoring (mode) group_left () count(node_cpu_seconds_total{mode="idle", %[1]s})`)).
			stacked().bounded(),
		timeseries(21, "Load", "Tasks that run or wait. What is above the number of processors waits.", count).
			promql("1 minute", sel(`node_load1{%s}`)).
			promql("5 minutes", sel(`node_load5{%s}`)).
			promql("15 minutes", sel(`node_load15{%s}`)).
			promql("processors", sel(`count(node_cpu_seconds_total{mode="idle", %s})`)).
			colored("processors", "text"),
		timeseries(22, "Pressure", "Share of time in which some task waited for a resource (pressure stall information of Linux).", share).
			promql("CPU", sel(`rate(node_pressure_cpu_waiting_seconds_total{%s}[$__rate_interval])`)).
			promql("memory", sel(`rate(node_pressure_memory_waiting_seconds_total{%s}[$__rate_interval])`)).
			promql("disk", sel(`rate(node_pressure_io_waiting_seconds_total{%s}[$__rate_interval])`)).
			limit(0.2).nothing("The kernel does not tell"),
	)
	d.row(8,
		timeseries(30, "Memory", "What memory is used for. Caches are given up when processes need the space.", byteSize).
			promql("processes and kernel", sel(`node_memory_MemTotal_bytes{%[1]s} - node_memory_MemAvailable_bytes{%[1]s}`)).
			promql("caches, can be given up", sel(`node_memory_MemAvailable_bytes{%[1]s} - node_memory_MemFree_bytes{%[1]s}`)).
			promql("free", sel(`node_memory_MemFree_bytes{%s}`)).
			colored("processes and kernel", "blue").colored("caches, can be given up", "light-blue").colored("free", grey).
			stacked(),
		timeseries(31, "Swap and page faults", "Pages moved to and from swap, and faults that had to read the disk. Steady swapping means too little memory.", perSecond).
			promql("swapped in", sel(`rate(node_vmstat_pswpin{%s}[$__rate_interval])`)).
			promql("swapped out", sel(`rate(node_vmstat_pswpout{%s}[$__rate_interval])`)).
			promql("faults from disk", sel(`rate(node_vmstat_pgmajfault{%s}[$__rate_interval])`)),
		bargauge(32, "Disk space used", "Share of space used on each filesystem.", share).
			now("{{mountpoint}}", diskUsed(on)).bounded().decimals(0).
			thresholds("blue", at{0.8, "orange"}, at{0.9, "red"}),
	)
	d.row(8,
		timeseries(40, "Disk traffic", "Bytes written above the axis, bytes read below it.", bytesPerSec).
			promql("{{device}} written", sel(`rate(node_disk_written_bytes_total{%s}[$__rate_interval])`)).
			promql("{{device}} read", sel(`rate(node_disk_read_bytes_total{%s}[$__rate_interval])`)).
			below(" read$"),
		timeseries(41, "Disk busy", "Share of time in which the disk had something to do. A disk that works in parallel can do more even at 100 %.", share).
			promql("{{device}}", sel(`rate(node_disk_io_time_seconds_total{%s}[$__rate_interval])`)).
			limit(0.9),
		timeseries(42, "Disk latency", "How long a read or a write took on average, waiting included.", seconds).
			promql("{{device}} write", sel(`rate(node_disk_write_time_seconds_total{%[1]s}[$__rate_interval]) / (rate(node_disk_writes_completed_total{%[1]s}[$__rate_interval]) > 0)`)).
			promql("{{device}} read", sel(`rate(node_disk_read_time_seconds_total{%[1]s}[$__rate_interval]) / (rate(node_disk_reads_completed_total{%[1]s}[$__rate_interval]) > 0)`)),
	)
	d.row(8,
		timeseries(50, "Network traffic", "Bits sent above the axis, bits received below it.", bitsPerSec).
			promql("{{device}} sent", sel(`rate(node_network_transmit_bytes_total{`+wired+`, %s}[$__rate_interval]) * 8`)).
			promql("{{device}} received", sel(`rate(node_network_receive_bytes_total{`+wired+`, %s}[$__rate_interval]) * 8`)).
			below(" received$"),
		timeseries(51, "Network errors and drops", "Packets that were lost or spoilt on the way through this machine.", packets).
			promql("{{device}} errors", sel(`rate(node_network_receive_errs_total{`+wired+`, %[1]s}[$__rate_interval]) + rate(node_network_transmit_errs_total{`+wired+`, %[1]s}[$__rate_interval])`)).
			promql("{{device}} drops", sel(`rate(node_network_receive_drop_total{`+wired+`, %[1]s}[$__rate_interval]) + rate(node_network_transmit_drop_total{`+wired+`, %[1]s}[$__rate_interval])`)),
		timeseries(52, "TCP", "Connections, and segments that had to be sent again each second.", count).
			promql("established", sel(`node_netstat_Tcp_CurrEstab{%s}`)).
			promql("waiting for stragglers", sel(`node_sockstat_TCP_tw{%s}`)).
			promql("retransmitted a second", sel(`rate(node_netstat_Tcp_RetransSegs{%s}[$__rate_interval])`)).
			override("retransmitted a second", property{"unit", count}, property{"custom.axisPlacement", "right"}),
	)
	d.row(7,
		timeseries(60, "Running out", "How much is used of what the kernel keeps only so many of.", share).
			promql("file handles", sel(`node_filefd_allocated{%[1]s} / node_filefd_maximum{%[1]s}`)).
			promql("tracked connections", sel(`node_nf_conntrack_entries{%[1]s} / node_nf_conntrack_entries_limit{%[1]s}`)).
			promql("inodes on {{mountpoint}}", sel(`1 - node_filesystem_files_free{`+onDisk+`, %[1]s} / (node_filesystem_files{`+onDisk+`, %[1]s} > 0)`)).
			bounded().limit(0.9),
		timeseries(61, "Processes", "Tasks that run, tasks that wait for a disk, and new ones a second.", count).
			promql("running", sel(`node_procs_running{%s}`)).
			promql("waiting for a disk", sel(`node_procs_blocked{%s}`)).
			promql("started a second", sel(`rate(node_forks_total{%s}[$__rate_interval])`)),
		table(62, "The machine", "Its name, system and kernel.").
			ask(target{Expr: sel(`node_uname_info{%s}`), Instant: true, Format: "table"}).
			organize(map[string]int{"nodename": 0, "sysname": 1, "release": 2, "machine": 3}, "Time", "Value", "__name__", "version", "domainname", "instance", "job").
			override("sysname", property{"custom.width", 90}).override("machine", property{"custom.width", 90}),
	)
	return d
}

// cpuBusy is the share of processor time that was not idle, for each instance.
func cpuBusy(selector string) string {
	return fmt.Sprintf(`1 - avg by (instance, job) (rate(node_cpu_seconds_total{%s}[$__rate_interval]))`, and(`mode="idle"`, selector))
}

// memoryUsed is the share of memory that no process could be given.
func memoryUsed(selector string) string {
	return fmt.Sprintf(`1 - node_memory_MemAvailable_bytes{%[1]s} / node_memory_MemTotal_bytes{%[1]s}`, selector)
}

// diskUsed is the share of space that is used on each filesystem that is kept on
// a disk, as df tells it: what only root may use counts as neither.
func diskUsed(selector string) string {
	return fmt.Sprintf(`1 - node_filesystem_avail_bytes{%[1]s} / (node_filesystem_size_bytes{%[1]s} - node_filesystem_free_bytes{%[1]s} + node_filesystem_avail_bytes{%[1]s} > 0)`, and(onDisk, selector))
}
