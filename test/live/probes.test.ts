// The probers against a real PostgreSQL primary and a streaming replica: answers, logins, TLS, promotion, and every way to fail.
// The verdict on speed comes from an independent poller of pg_is_in_recovery(), not from the prober.

import './probes/answers.js'
import './probes/turns.js'
import './probes/failures.js'
