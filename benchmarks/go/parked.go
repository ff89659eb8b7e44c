package main

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// Goroutines that each wait to receive from a channel of their own, all at once. Once, in a fresh process.
func parked() {
	before := resident()
	channels := make([]chan uint64, 0, parkedTasks)
	var group sync.WaitGroup
	group.Add(parkedTasks)
	start := time.Now()
	for range parkedTasks {
		channel := make(chan uint64)
		channels = append(channels, channel)
		go func() {
			group.Done()
			<-channel
		}()
	}
	group.Wait()
	perOperation(start, parkedTasks)
	report("bytes", (resident()-before)/parkedTasks)
	check(len(channels) == parkedTasks, "channels lost")
}

// resident is the memory that this process takes, in bytes: what of it is in RAM, and the kernel's page tables for it.
func resident() float64 {
	status, err := os.ReadFile("/proc/self/status")
	check(err == nil, "/proc/self/status cannot be read")
	return (kib(status, "VmRSS:") + kib(status, "VmPTE:")) * 1024
}

func kib(status []byte, name string) float64 {
	_, after, found := bytes.Cut(status, []byte(name))
	check(found, "/proc/self/status has no "+name)
	number, err := strconv.ParseFloat(string(bytes.Fields(after)[0]), 64)
	check(err == nil, name+" is not followed by a number")
	return number
}
