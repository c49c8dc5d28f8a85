"""The storage that samplers ask: a cache of trials, shown as samplers want them."""
