"""From a name, a pool and a budget to a Selection: methods bound and combined, weights stated."""
