// The admin address and the control socket over real sockets, and the command line against them. What they ask is faked.

import './admin/address.js'
import './admin/control.js'
import './admin/events.js'
import './admin/verbs.js'
