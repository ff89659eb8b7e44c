// Go's side of the benchmarks: the workloads that the Rust programs run too, one a file, the same work in the same order.
//
//	PROGRAM --list      prints the names of the workloads
//	PROGRAM WORKLOAD    runs one and prints its figures, a line `METRIC VALUE` each
//
// GOMAXPROCS in the environment is the number of Ps, as the Go runtime has it by itself.
//
// Where there are several ways to write a workload, this is the one that is fastest in Go and that a Go programmer would
// write: nothing is allocated that need not be, channels are typed and of the direction used.
package main

import (
	"fmt"
	"os"
	"time"
)

type workload struct {
	name string
	run  func()
}

var workloads = []workload{
	{"spawn", spawn},
	{"yield", yield},
	{"pingpong", pingpong},
	{"stream", stream},
	{"stream44", stream44},
	{"select2", select2},
	{"select8", select8},
	{"mutex", mutex},
	{"sieve", sieve},
	{"ring", ring},
	{"skynet", skynet},
	{"timers", sleepers},
	{"parked", parked},
	{"deep", deep},
	{"hog", hog},
	{"wakeup", wakeup},
	{"http-server", httpServer},
}

// report prints one figure; its unit is in the metric's name.
func report(metric string, value float64) {
	fmt.Printf("%s %.3f\n", metric, value)
}

// perOperation reports the time since start in nanoseconds for each of a number of operations.
func perOperation(start time.Time, operations int) {
	report("ns", float64(time.Since(start).Nanoseconds())/float64(operations))
}

// check ends the program where a workload did not do the work it was timed for.
func check(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, "wrong result:", what)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		for _, workload := range workloads {
			fmt.Println(workload.name)
		}
		return
	}
	if len(os.Args) == 2 {
		for _, workload := range workloads {
			if workload.name == os.Args[1] {
				workload.run()
				return
			}
		}
		fmt.Fprintf(os.Stderr, "no workload %q; --list prints those there are\n", os.Args[1])
		os.Exit(2)
	}
	fmt.Fprintln(os.Stderr, "usage: go-benchmarks --list | WORKLOAD")
	os.Exit(2)
}
