module csp-benchmarks

go 1.27
