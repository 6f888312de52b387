"""`workflow@1`: run another workflow as a part of this one."""
