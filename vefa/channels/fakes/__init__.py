"""Stand-ins for SendGrid and Twilio that speak their HTTP over loopback: for tests, rehearsals and benchmarks."""
