"""What the Hub is told: who may do what, how people sign in, how their notebook servers are started."""
