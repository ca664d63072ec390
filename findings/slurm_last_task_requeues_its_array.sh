#!/usr/bin/env bash
# Expected: a batch script that puts itself back into the queue by `scontrol requeue "$SLURM_JOB_ID"`, as guides to
# checkpointing recommend, does so as a task of a job array, too: SLURM_JOB_ID is the job id of the task, other tasks have
# others, and what has ended stays ended.
#
# Found: the last task to begin keeps the job id of the whole array as its SLURM_JOB_ID. Its request puts *every* task
# back: those that run are killed, and those that had ended well run once more. It is seen only in the one task, so in an
# array of N a test of any other task passes. `scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"` means the
# task alone.
#
# A cluster of its own, of one node on this machine, without authentication, beside any other SLURM.
set -euo pipefail
for tool in slurmctld slurmd sbatch; do
  command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin
  command -v "$tool" >/dev/null || { echo "$tool is needed: Debian package slurm-wlm" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "a slurmd that runs jobs wants root" >&2; exit 2; }
work=$(mktemp -d)
chmod 755 "$work"
cd "$work"
mkdir state spool
host=$(hostname -s)
cat >slurm.conf <<CONF
ClusterName=finding
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=27817
SlurmdPort=27818
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=alone NodeHostname=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
export SLURM_CONF=$work/slurm.conf
ended() {
  for file in slurmd.pid slurmctld.pid; do [ ! -f "$file" ] || kill "$(cat "$file")" || true; done
  sleep 2
  rm -rf "$work"
}
trap ended EXIT
slurmctld
slurmd -N alone
for _ in $(seq 30); do [ "$(sinfo -h -o %t)" = idle ] && break; sleep 1; done
sinfo --version

cat >task.sbatch <<'TASK'
#!/bin/bash
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=task-%a.log
[ -z "${SLURM_RESTART_COUNT:-}" ] || exit 0
echo "job $SLURM_JOB_ID"
case $SLURM_ARRAY_TASK_ID in
  1) exit 0 ;;                                        # ends well, long before
  2) sleep 300 ;;                                     # works
  3) sleep 8; scontrol requeue "$ASKED"; sleep 300 ;; # puts itself back
esac
TASK
restarts() { scontrol show job "$1" --oneliner | grep -o "Restarts=[0-9]*" | cut -d= -f2; }
tried() { # words for the job to requeue -> restarts of the three tasks
  rm -f task-*.log
  sed "s/\"\$ASKED\"/\"$1\"/" task.sbatch >asked.sbatch
  array=$(sbatch --parsable --array=1-3 asked.sbatch)
  for _ in $(seq 60); do [ "$(restarts "${array}_3")" = 1 ] && break; sleep 1; done
  found="$(restarts "${array}_1") $(restarts "${array}_2") $(restarts "${array}_3")"
  own=$(head -1 task-3.log)
  scancel "$array"
  echo "scontrol requeue $1: tasks 1 (had ended), 2 (ran), 3 (asked) were begun again $found times; the array is job $array and task 3 calls itself $own"
}
tried '$SLURM_JOB_ID'
all=$found same="$([ "$own" = "job $array" ] && echo yes || echo no)"
tried '${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID'
[ "$all/$same/$found" = "1 1 1/yes/0 0 1" ] || { echo "This has changed."; exit 1; }
