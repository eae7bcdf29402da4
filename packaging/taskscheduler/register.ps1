#Requires -RunAsAdministrator
# Registers every task definition beside this script in the folder \ifcbscan\ of the Task Scheduler,
# under the name of its file. A task of that name is replaced.
$ErrorActionPreference = 'Stop'
foreach ($file in Get-ChildItem -Path $PSScriptRoot -Filter '*.xml') {
    # ReadAllText goes by the byte-order mark
    $xml = [System.IO.File]::ReadAllText($file.FullName)
    Register-ScheduledTask -TaskPath '\ifcbscan\' -TaskName $file.BaseName -Xml $xml -Force | Out-Null
    Write-Output "registered \ifcbscan\$($file.BaseName)"
}
