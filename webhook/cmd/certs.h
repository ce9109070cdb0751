/* certs: the actions of `gpugate certs`, each in a separate file. Private to certs*.c. */
#ifndef WEBHOOK_CMD_CERTS_H
#define WEBHOOK_CMD_CERTS_H

int cmd_certs_create(int argc, char **argv);
int cmd_certs_inspect(int argc, char **argv);
int cmd_certs_verify(int argc, char **argv);

#endif
