// struct epoll_event in 32-bit words, epoll_ctl(2): packed on x86-64, elsewhere its data is aligned to 8 bytes.

export const EPOLL_WORDS = process.arch === 'x64' ? 3 : 4
/** Where the word lies that carries our key. */
export const EPOLL_DATA = EPOLL_WORDS - 2
