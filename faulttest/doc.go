// Package faulttest holds the suites that stand over the whole house: kills and
// faults with ledgers, rights, leaks, and the rules of the house itself.
//
// Purpose: what no single package can prove. imports_test.go holds who may
// import whom, style_test.go how long and how named things are; both read the
// source tree and fail for planted violations too.
//
// May import: anything; nothing imports it.
package faulttest
