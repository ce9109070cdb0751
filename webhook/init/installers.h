/* installers: namespaces that install what hands out devices, known by their names. */
#ifndef WEBHOOK_INIT_INSTALLERS_H
#define WEBHOOK_INIT_INSTALLERS_H

#include "webhook/init/fleet.h"

/* Whether the name is that of such a namespace, as the usual installations choose it. */
bool installers_has(struct str name);

/*
 * Adds the namespace to the fleet if its name is one of them, though no Pod of it is read. Anyone
 * who can write a ConfigMap could exempt a namespace of another name. Returns 0, or -1 with an
 * error.
 */
int installers_note(struct fleet *fleet, struct str name, struct error *err);

#endif
