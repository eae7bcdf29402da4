"""What runs the scans by themselves: the user's crontab, or the Windows Task Scheduler.

`jobs` says what is to be run, `base` what the commands may ask of a scheduler, `choose` which one this system has.
Nothing here scans, looks at data folders or reads the .env file.
"""
