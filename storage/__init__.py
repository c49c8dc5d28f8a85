"""What is remembered: studies, trials, leases, reports and workers in one SQL database.

The tables of Optuna stay exactly Optuna's; ours (prefix ``tuner_``) stand beside them. This
package knows nothing of Keras or of search spaces.
"""
