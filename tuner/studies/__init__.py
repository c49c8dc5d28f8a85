"""What a study is: its definition and its objectives, read by everything that works on one."""
