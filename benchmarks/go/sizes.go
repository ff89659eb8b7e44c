package main

// How much each workload does. The Rust programs have the same numbers under the same names in `src/lib.rs`, and a test
// compares the two files.
const (
	spawnBatches     = 1_000
	spawnBatch       = 1_000
	yieldTasks       = 2
	yields           = 2_000_000
	roundTrips       = 500_000
	streamMessages   = 5_000_000
	streamCapacity   = 128
	stream44Tasks    = 4
	stream44Messages = 4_000_000
	selectMessages   = 1_000_000
	mutexTasks       = 8
	mutexLocks       = 2_000_000
	sievePrimes      = 2_000
	ringTasks        = 503
	ringHops         = 1_000_000
	skynetLeaves     = 1_000_000
	skynetChildren   = 10
	timers           = 100_000
	timersStep       = 7_919
	parkedTasks      = 1_000_000
	deepBytes        = 16 << 20
	deepFrame        = 256
	hogSleeps        = 200
	wakeups          = 200
	wakeupComputeMs  = 5
	warmUp           = 10
)
